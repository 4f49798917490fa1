//! Errors before the first write, without secrets.

use super::{Kind, Shop, finished};
use crate::databases::PASSWORD;

const COLUMNS: &str = "id bigint PRIMARY KEY, login varchar(50), password varchar(200), \
                       narrow varchar(60), fixed char(200), born date";

/// Runs to an error; returns its message.
async fn said(shop: &Shop, arguments: &[&str]) -> String {
    let ran = finished(shop.command(arguments)).await;
    assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
    assert_eq!(ran.stdout, "", "{arguments:?}");
    ran.stderr
}

/// As [`said`], of a table that is named otherwise.
async fn said_of(shop: &Shop, table: &str, column: &str, more: &[&str]) -> String {
    let url = shop.server.url();
    let mut command = tokio::process::Command::new(crate::harness::program());
    command.args(["hash", &url, "--table", table, "--column", column]).args(more);
    command.env("PGPASSWORD", PASSWORD).env("MYSQL_PWD", PASSWORD).env("NO_COLOR", "1");
    let ran = finished(command).await;
    assert_eq!(ran.code, Some(2), "{table} {column}: {ran:?}");
    ran.stderr
}

async fn names(kind: Kind, schema: &str) {
    let Some(mut shop) = Shop::with(kind, COLUMNS, &[]).await else { return };
    shop.client.run("INSERT INTO users (id, password) VALUES (1, 'hunter2')").await;
    shop.client.run("CREATE VIEW seen AS SELECT id, password FROM users").await;
    if kind == Kind::Postgres {
        // Unique, but not in the order in which the column is compared.
        let index = "UPDATE users SET login = 'anna'; ALTER TABLE users ALTER login SET NOT NULL;
                     CREATE UNIQUE INDEX ON users (login COLLATE \"en-x-icu\")";
        shop.client.run(index).await;
    }
    for (table, column, more, wanted) in [
        ("usres", "password", &[][..], "did you mean `users`?"),
        ("users", "pasword", &[], "did you mean `password`?"),
        ("users", "password", &["--into", "narow"], "did you mean `narrow`?"),
        ("users", "password", &["--key", "login"], "there is `id`"),
        ("users", "born", &[], "it is of the type date"),
        ("users", "narrow", &[], "a hash needs 97 characters"),
        ("seen", "password", &[], "it is a view, not a table"),
    ] {
        let text = said_of(&shop, table, column, more).await;
        assert!(text.contains(wanted), "{text}");
    }
    // With its schema it is found as well.
    let qualified = format!("{schema}.users");
    let text = said_of(&shop, &qualified, "narrow", &[]).await;
    assert!(text.starts_with(&format!("`{qualified}`: 1 row, identified by `id`\n")), "{text}");
    assert!(text.contains("a hash needs 97 characters"), "{text}");
    assert_eq!(shop.values("password").await[&1], b"hunter2");
}

#[tokio::test]
async fn a_name_that_is_not_there_is_refused_by_postgres_with_the_nearest() {
    names(Kind::Postgres, "public").await;
}

#[tokio::test]
async fn a_name_that_is_not_there_is_refused_by_mariadb_with_the_nearest() {
    names(Kind::MariaDb, "shop").await;
}

#[tokio::test]
async fn the_password_of_the_server_is_never_repeated() {
    for kind in [Kind::Postgres, Kind::MariaDb] {
        let Some(shop) = Shop::of(kind, 1, &[]).await else { return };
        let folder =
            crate::harness::folder(&[("right", &format!("{PASSWORD}\n")), ("wrong", "hunter2")]);
        let file = |name: &str| folder.path().join(name).display().to_string();
        for trace in [&["--log", "trace"][..], &[]] {
            let wrong = file("wrong");
            let mut command = shop.command(&["--password-file", &wrong]);
            command.args(trace);
            let ran = finished(command).await;
            assert_eq!(ran.code, Some(2), "{ran:?}");
            assert!(ran.stderr.contains("--password-file"), "{ran:?}");
            assert!(!ran.stderr.contains("hunter2"), "{ran:?}");
            let right = file("right");
            let arguments = [&["--password-file", &right, "--dry-run"][..], trace].concat();
            let mut command = shop.command(&arguments);
            command.env("PGPASSWORD", "no").env("MYSQL_PWD", "no");
            let ran = finished(command).await;
            assert_eq!(ran.code, Some(0), "{ran:?}");
            assert!(!ran.stderr.contains(PASSWORD) && !ran.stdout.contains(PASSWORD), "{ran:?}");
        }
        let url = shop.server.url().replace("mesero@", "mesero:hunter2@");
        let mut command = tokio::process::Command::new(crate::harness::program());
        command.args(["hash", &url, "--table", "users", "--column", "password"]);
        let ran = finished(command).await;
        assert!(ran.stderr.contains("it contains a password") && !ran.stderr.contains("hunter2"));
    }
}

#[tokio::test]
async fn a_setting_of_the_url_that_makes_no_sense_is_told_once() {
    for scheme in ["postgres", "mysql"] {
        let url = format!("{scheme}://user@127.0.0.1:1/shop?sslmode=broken");
        let mut command = tokio::process::Command::new(crate::harness::program());
        command.args(["hash", &url, "--table", "users", "--column", "password"]);
        let ran = finished(command).await;
        let wanted = "mesero: failed to read the database's URL: unknown value \"broken\"";
        assert!(ran.code == Some(2) && ran.stderr.starts_with(wanted), "{ran:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_at_once() {
    for kind in [Kind::Postgres, Kind::MariaDb] {
        let Some(mut shop) = Shop::of(kind, 1, &[]).await else { return };
        shop.server.stop().await;
        let text = said(&shop, &[]).await;
        assert!(text.starts_with("mesero: failed to connect to "), "{text}");
        assert!(text.contains("Connection refused"), "{text}");
    }
}
