//! `mesero hash`, as a person runs it: on SQLite files, beside other programs that use them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, params};
use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::harness::{HANG_TIMEOUT, folder, program, skipped, venv};

mod crashes;
mod example;
mod hygiene;
mod live;
mod passwords;
mod refusals;
mod servers;
mod tables;

/// A cost at which a test can hash a hundred thousand rows.
const CHEAP: [&str; 3] = ["--argon2", "m=8,t=1,p=1", "--allow-weak"];

/// A folder with an SQLite file `app.db` in it.
struct App {
    folder: TempDir,
}

/// Outcome of a run.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn json(&self) -> Json {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// Count in the summary.
    fn count(&self, name: &str) -> u64 {
        self.json()[name].as_u64().unwrap_or_else(|| panic!("{name}: {self:?}"))
    }

    /// Asserts that every row that was seen has exactly one outcome.
    fn balances(&self) {
        let ends = ["hashed", "already", "changed", "empty", "ambiguous", "failed", "unfinished"];
        let sum: u64 = ends.iter().map(|name| self.count(name)).sum();
        assert_eq!(self.count("seen"), sum, "{self:?}");
        assert!(!self.stderr.contains("do not balance"), "{self:?}");
    }
}

impl App {
    /// Makes one with this schema.
    fn new(schema: &str) -> Self {
        let app = Self { folder: folder(&[]) };
        app.open().execute_batch(schema).unwrap();
        app
    }

    /// Makes one with a table `users`, in a write-ahead log, of so many rows.
    fn of(rows: usize) -> Self {
        let app = Self::new(
            "PRAGMA journal_mode = WAL; CREATE TABLE users (id INTEGER PRIMARY KEY, password TEXT)",
        );
        let mut connection = app.open();
        let transaction = connection.transaction().unwrap();
        for id in 0..rows {
            insert(&transaction, id);
        }
        transaction.commit().unwrap();
        app
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }

    fn open(&self) -> Connection {
        let connection = Connection::open(self.path()).unwrap();
        connection.busy_timeout(HANG_TIMEOUT).unwrap();
        connection
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(["hash", "app.db", "--table", "users", "--column", "password"]);
        command.args(arguments).current_dir(self.folder.path()).env("NO_COLOR", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
    }

    /// Runs to the end, at a cost for tests, with the summary as JSON.
    async fn hash(&self, arguments: &[&str]) -> Ran {
        self.run(&[&CHEAP[..], &["--json"], arguments].concat()).await
    }

    async fn run(&self, arguments: &[&str]) -> Ran {
        finished(self.command(arguments)).await
    }

    /// Every value of a column, by the text of the key.
    fn values(&self, column: &str) -> BTreeMap<String, Value> {
        let connection = self.open();
        let text = format!("SELECT CAST(id AS TEXT), {column} FROM users");
        let mut statement = connection.prepare(&text).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    /// Every value of a column that is a text.
    fn texts(&self, column: &str) -> BTreeMap<String, String> {
        let texts = self.values(column).into_iter().filter_map(|(key, value)| match value {
            Value::Text(text) => Some((key, text)),
            _ => None,
        });
        texts.collect()
    }
}

async fn finished(command: Command) -> Ran {
    finished_within(command, HANG_TIMEOUT).await
}

async fn finished_within(mut command: Command, patience: Duration) -> Ran {
    let output = timeout(patience, command.output()).await.expect("it ends").unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Password of a user of [`App::of`].
fn password(id: usize) -> String {
    format!("hunter{id}🔑")
}

fn insert(connection: &Connection, id: usize) {
    let text = "INSERT INTO users (id, password) VALUES (?1, ?2)";
    connection.execute(text, params![id as i64, password(id)]).unwrap();
}

/// Has argon2-cffi, another implementation, verify every pair of a hash and a password; false, with
/// a message, where it is not installed.
#[must_use]
async fn verified_by_argon2_cffi(pairs: impl IntoIterator<Item = (String, Vec<u8>)>) -> bool {
    const PROGRAM: &str = r#"
import sys, json
try:
    from argon2.low_level import verify_secret, Type
except ImportError:
    sys.exit(77)
count = 0
for line in sys.stdin:
    stored, password = json.loads(line)
    assert verify_secret(stored.encode(), bytes(password), Type.ID), stored
    count += 1
print(count)
"#;
    let Some(venv) = venv() else { return false };
    let mut input = String::new();
    let mut count = 0;
    for pair in pairs {
        input.push_str(&serde_json::to_string(&pair).unwrap());
        input.push('\n');
        count += 1;
    }
    let mut python = Command::new(venv.join("bin/python"));
    python.args(["-c", PROGRAM]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.kill_on_drop(true).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feed = async {
        // It stops reading when it has refused a pair.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
    };
    let (output, ()) = tokio::join!(child.wait_with_output(), feed);
    let output = output.unwrap();
    if output.status.code() == Some(77) {
        skipped("no argon2-cffi in target/venv; `make venv` installs it");
        return false;
    }
    assert!(output.status.success(), "argon2-cffi does not verify a hash");
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), count.to_string());
    true
}
