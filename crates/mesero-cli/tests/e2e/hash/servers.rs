//! PostgreSQL and MariaDB: the same guarantees as with files, beside applications that write, and through failures of servers.

use std::collections::BTreeMap;
use std::process::{Output, Stdio};

use tokio::process::{Child, Command};

use super::{CHEAP, Ran, finished, password, verified_by_argon2_cffi};
use crate::databases::{Client, Kind, PASSWORD, Server};
use crate::harness::{output_of, program, until};

mod crashes;
mod full;
mod hygiene;
mod live;
mod locks;
mod notes;
mod refusals;
mod tls;
mod values;

/// A server with a table `users`.
struct Shop {
    server: Server,
    client: Client,
}

impl Shop {
    /// Makes one with a table of these columns; none where the server is not installed.
    async fn with(kind: Kind, columns: &str, settings: &[&str]) -> Option<Self> {
        let server = Server::start(kind, settings).await?;
        let mut client = server.client().await;
        client.run(&format!("CREATE TABLE users ({columns})")).await;
        Some(Self { server, client })
    }

    /// Makes one with so many users, whose passwords are [`password`]s.
    async fn of(kind: Kind, rows: usize, settings: &[&str]) -> Option<Self> {
        let columns = "id bigint PRIMARY KEY, password varchar(200)";
        let mut shop = Self::with(kind, columns, settings).await?;
        shop.sign_up(rows).await;
        Some(shop)
    }

    /// Adds so many users, whose passwords are [`password`]s.
    async fn sign_up(&mut self, rows: usize) {
        for ids in (0..rows).collect::<Vec<_>>().chunks(5_000) {
            let values = ids.iter().map(|id| format!("({id}, '{}')", password(*id)));
            let values = values.collect::<Vec<_>>().join(", ");
            self.client.run(&format!("INSERT INTO users (id, password) VALUES {values}")).await;
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.command_to(&self.server.url(), arguments)
    }

    fn command_to(&self, url: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(["hash", url, "--table", "users", "--column", "password"]);
        command.args(arguments).env("NO_COLOR", "1");
        command.env("PGPASSWORD", PASSWORD).env("MYSQL_PWD", PASSWORD);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
    }

    /// Runs to the end, at a cost for tests, with the summary as JSON.
    async fn hash(&self, arguments: &[&str]) -> Ran {
        finished(self.command(&[&CHEAP[..], &["--json"], arguments].concat())).await
    }

    /// Begins to run, at a cost for tests, with the summary as JSON.
    fn begin(&self, arguments: &[&str]) -> Child {
        self.command(&[&CHEAP[..], &["--json"], arguments].concat()).spawn().unwrap()
    }

    /// Counts the hashed rows.
    async fn hashed(&mut self) -> i64 {
        self.client.count("SELECT count(*) FROM users WHERE password LIKE '$argon2id$%'").await
    }

    /// Waits until so many rows are hashed, or the run has ended.
    async fn until_hashed(&mut self, count: i64, child: &mut Child) {
        let reached = async || self.hashed().await >= count || child.try_wait().unwrap().is_some();
        until(reached).await;
    }

    /// The values of a column that are not NULL, by the id.
    async fn values(&mut self, column: &str) -> BTreeMap<i64, Vec<u8>> {
        let pairs = self.client.pairs(&format!("SELECT id, {column} FROM users")).await;
        pairs.into_iter().filter_map(|(id, value)| Some((id, value?))).collect()
    }

    /// Verifies all values of a column as hashes of `password`.
    async fn verify(&mut self, column: &str, password: impl Fn(i64) -> Vec<u8>) {
        let values = self.values(column).await;
        let pairs = values.into_iter().map(|(id, hash)| {
            let hash = String::from_utf8(hash).unwrap();
            assert!(hash.starts_with("$argon2id$"), "{id}: it is no hash");
            (hash, password(id))
        });
        let _ = verified_by_argon2_cffi(pairs).await;
    }

    /// Waits until a statement waits for a lock.
    async fn until_blocked(&mut self) {
        let query = match self.server.kind {
            Kind::Postgres => {
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            }
            Kind::MariaDb => {
                "SELECT CAST(VARIABLE_VALUE AS SIGNED) FROM information_schema.GLOBAL_STATUS \
                 WHERE VARIABLE_NAME = 'Innodb_row_lock_current_waits'"
            }
        };
        until(async || self.client.count(query).await > 0).await;
    }
}

/// Waits for the end.
async fn ended(child: Child) -> Ran {
    output_of(child).await.into()
}

impl From<Output> for Ran {
    fn from(Output { status, stdout, stderr }: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }
}

/// First password of an id, by [`password`].
fn first(id: i64) -> Vec<u8> {
    password(usize::try_from(id).unwrap()).into_bytes()
}
