//! Differences between PostgreSQL and MariaDB, as servers of a test.

use std::path::{Path, PathBuf};

use rustix::process::Signal;

use super::{DATABASE, PASSWORD, USER, done, unprivileged};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    MariaDb,
}

impl Kind {
    /// SQL literal of a text of these bytes, which are UTF-8.
    pub(crate) fn text(self, bytes: &[u8]) -> String {
        match self {
            Kind::Postgres => format!("convert_from({}, 'UTF8')", self.bytes(bytes)),
            Kind::MariaDb => format!("CONVERT({} USING utf8mb4)", self.bytes(bytes)),
        }
    }

    /// SQL literal of these bytes.
    pub(crate) fn bytes(self, bytes: &[u8]) -> String {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Kind::Postgres => format!("'\\x{hex}'::bytea"),
            Kind::MariaDb => format!("x'{hex}'"),
        }
    }

    /// The program that serves.
    pub(super) fn program(self) -> Option<PathBuf> {
        match self {
            Kind::Postgres => find(&["postgres"]),
            Kind::MariaDb => find(&["mariadbd", "mysqld"]),
        }
    }

    /// Text that it logs when clients may connect.
    pub(super) fn ready(self) -> &'static str {
        match self {
            Kind::Postgres => "database system is ready to accept connections",
            Kind::MariaDb => "ready for connections",
        }
    }

    /// Signal that ends it in good order.
    pub(super) fn end(self) -> Signal {
        match self {
            // Its "fast" way: TERM would wait for the clients.
            Kind::Postgres => Signal::INT,
            Kind::MariaDb => Signal::TERM,
        }
    }

    /// Signal that ends all of its processes at once.
    pub(super) fn crash(self) -> Signal {
        match self {
            Kind::Postgres => Signal::QUIT,
            Kind::MariaDb => Signal::KILL,
        }
    }

    /// As [`crash`](Kind::crash), by the name that `setpriv` knows.
    pub(super) fn death(self) -> &'static str {
        match self {
            Kind::Postgres => "QUIT",
            Kind::MariaDb => "KILL",
        }
    }

    pub(super) fn scheme(self) -> &'static str {
        match self {
            Kind::Postgres => "postgres",
            Kind::MariaDb => "mysql",
        }
    }

    pub(super) fn socket_url(self, folder: &Path, port: u16) -> String {
        let folder = folder.display();
        match self {
            Kind::Postgres => {
                format!("postgres:///{DATABASE}?user={USER}&host={folder}&port={port}")
            }
            Kind::MariaDb => format!("mysql://{USER}@localhost/{DATABASE}?socket={folder}/socket"),
        }
    }

    /// Makes `folder/data`, with the user and the database.
    pub(super) async fn install(self, program: &Path, folder: &Path) {
        let data = folder.join("data");
        match self {
            Kind::Postgres => {
                let password = folder.join("password");
                std::fs::write(&password, PASSWORD).unwrap();
                let initdb = program.with_file_name("initdb");
                let mut initdb = unprivileged("KILL", &initdb);
                initdb.arg("--pgdata").arg(&data).arg("--pwfile").arg(password);
                initdb.args(["--username", USER, "--no-sync", "--encoding=UTF8", "--locale=C"]);
                initdb.args(["--auth-local=trust", "--auth-host=scram-sha-256"]);
                done(&mut initdb).await;
                let mut single = unprivileged("KILL", program);
                single.args(["--single", "-D"]).arg(&data).args(["-c", "fsync=off", "postgres"]);
                feed(single, &format!("CREATE DATABASE {DATABASE}\n")).await;
            }
            Kind::MariaDb => {
                let installer = find(&["mariadb-install-db", "mysql_install_db"]);
                let installer = installer.expect("it comes with the server");
                let mut installer = unprivileged("KILL", &installer);
                installer.args(["--no-defaults", "--skip-test-db"]);
                installer.args(["--auth-root-authentication-method=normal"]);
                installer
                    .args(["--innodb-log-file-size=16M", "--innodb-flush-log-at-trx-commit=0"]);
                done(installer.arg(format!("--datadir={}", data.display()))).await;
                let mut bootstrap = unprivileged("KILL", program);
                bootstrap.args(["--no-defaults", "--bootstrap", "--innodb-log-file-size=16M"]);
                bootstrap.arg(format!("--datadir={}", data.display()));
                let statements = [
                    "FLUSH PRIVILEGES;".to_owned(),
                    format!("CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}';"),
                    format!("GRANT ALL ON *.* TO {USER}@'%' WITH GRANT OPTION;"),
                    format!("CREATE USER {USER}@localhost IDENTIFIED BY '{PASSWORD}';"),
                    format!("GRANT ALL ON *.* TO {USER}@localhost WITH GRANT OPTION;"),
                    format!("CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4;\n"),
                ];
                feed(bootstrap, &statements.join("\n")).await;
            }
        }
    }

    /// The settings for TLS with `certificate.pem` and `key.pem`.
    pub(super) fn tls(self, folder: &Path) -> Vec<String> {
        let folder = folder.display();
        match self {
            Kind::Postgres => {
                let files = format!("-cssl_cert_file={folder}/certificate.pem");
                vec!["-cssl=on".to_owned(), files, format!("-cssl_key_file={folder}/key.pem")]
            }
            Kind::MariaDb => {
                vec![
                    format!("--ssl-cert={folder}/certificate.pem"),
                    format!("--ssl-key={folder}/key.pem"),
                ]
            }
        }
    }

    /// Arguments to start it with.
    pub(super) fn arguments(self, folder: &Path, port: u16) -> Vec<String> {
        let folder = folder.display();
        match self {
            Kind::Postgres => {
                let mut arguments = vec!["-D".to_owned(), format!("{folder}/data")];
                let settings = [
                    format!("port={port}"),
                    "listen_addresses=127.0.0.1".to_owned(),
                    format!("unix_socket_directories={folder}"),
                    "fsync=off".to_owned(),
                    "log_line_prefix=".to_owned(),
                ];
                settings.into_iter().for_each(|it| arguments.extend(["-c".to_owned(), it]));
                arguments
            }
            Kind::MariaDb => vec![
                "--no-defaults".to_owned(),
                format!("--datadir={folder}/data"),
                format!("--socket={folder}/socket"),
                format!("--pid-file={folder}/pid"),
                format!("--port={port}"),
                "--bind-address=127.0.0.1".to_owned(),
                "--innodb-log-file-size=16M".to_owned(),
                "--innodb-flush-log-at-trx-commit=0".to_owned(),
                "--skip-name-resolve".to_owned(),
            ],
        }
    }
}

/// A program of one of these names, in the newest version.
fn find(names: &[&str]) -> Option<PathBuf> {
    let mut versions: Vec<_> =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().collect();
    versions.sort_by_key(|version| version.as_ref().map_or(0, |it| number(&it.path())));
    let versions = versions.into_iter().rev().flatten().map(|version| version.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = versions.chain(std::env::split_paths(&path)).chain([PathBuf::from("/usr/sbin")]);
    places.flat_map(|place| names.iter().map(move |name| place.join(name))).find(|it| it.exists())
}

fn number(folder: &Path) -> u32 {
    folder.file_name().and_then(|name| name.to_str()?.parse().ok()).unwrap_or(0)
}

/// Runs to the end with this on standard input.
async fn feed(mut command: tokio::process::Command, input: &str) {
    use tokio::io::AsyncWriteExt;

    command.stdin(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
