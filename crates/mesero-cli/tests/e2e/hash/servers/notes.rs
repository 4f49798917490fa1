//! Findings before the first write: triggers, logs and indexes that may keep plaintext, and obstacles.

use super::{Kind, Shop, finished};

/// Runs with `--dry-run`; returns what is printed.
async fn found(shop: &Shop, more: &[&str]) -> String {
    let ran = finished(shop.command(&[&["--dry-run"][..], more].concat())).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout
}

#[tokio::test]
async fn what_else_happens_to_a_row_in_postgres_is_found() {
    let settings = ["-c", "log_statement=mod"];
    let columns = "id bigint PRIMARY KEY, password text";
    let Some(mut shop) = Shop::with(Kind::Postgres, columns, &settings).await else { return };
    shop.client
        .run(
            "INSERT INTO users VALUES (1, 'one');
             ALTER TABLE users ADD COLUMN shouted text GENERATED ALWAYS AS (upper(password)) STORED;
             CREATE INDEX by_password ON users (lower(password));
             CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
             CREATE TRIGGER history AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION keep();
             CREATE TABLE admins () INHERITS (users);
             CREATE ROLE clerk LOGIN PASSWORD 'hunter2'; GRANT SELECT, UPDATE ON users TO clerk",
        )
        .await;
    let text = found(&shop, &[]).await;
    for wanted in
        ["trigger `history`", "`by_password`", "`shouted`", "tables inherit from it, 1 in all"]
    {
        assert!(text.contains(wanted), "{wanted} is not in:\n{text}");
    }
    // A user that may turn the log off is not warned of it.
    assert!(!text.contains("log_statement"), "{text}");
    let url = shop.server.url().replace("mesero@", "clerk@");
    let mut command = tokio::process::Command::new(crate::harness::program());
    command.args(["hash", &url, "--table", "users", "--column", "password", "--dry-run"]);
    let ran = finished({
        command.env("PGPASSWORD", "hunter2").env("NO_COLOR", "1");
        command
    })
    .await;
    assert!(ran.stdout.contains("because of `log_statement`"), "{ran:?}");
}

#[tokio::test]
async fn what_else_happens_to_a_row_in_mariadb_is_found() {
    let columns = "id bigint PRIMARY KEY, password varchar(200), \
                   changed timestamp DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, \
                   shouted varchar(200) AS (upper(password)) STORED, KEY by_password (password)";
    let Some(mut shop) = Shop::with(Kind::MariaDb, columns, &["--log-bin"]).await else { return };
    shop.client
        .run(
            "INSERT INTO users (id, password) VALUES (1, 'one');
             CREATE TRIGGER history AFTER UPDATE ON users FOR EACH ROW SET @n = 1",
        )
        .await;
    let text = found(&shop, &[]).await;
    for wanted in ["trigger `history`", "`by_password`", "`shouted`", "`changed`", "binlog_format"]
    {
        assert!(text.contains(wanted), "{wanted} is not in:\n{text}");
    }
    shop.client.run("ALTER TABLE users ADD SYSTEM VERSIONING").await;
    let text = found(&shop, &[]).await;
    assert!(text.contains("WITH SYSTEM VERSIONING"), "{text}");
    shop.client.run("ALTER TABLE users DROP SYSTEM VERSIONING").await;
    shop.client.run("ALTER TABLE users ENGINE = MyISAM").await;
    let text = found(&shop, &[]).await;
    assert!(text.contains("the engine MyISAM has no transactions"), "{text}");
}

#[tokio::test]
async fn a_column_that_would_spoil_hashes_and_a_server_that_takes_no_writes_stop_it() {
    let columns = "id bigint PRIMARY KEY, password char(200)";
    if let Some(mut shop) = Shop::with(Kind::Postgres, columns, &[]).await {
        shop.client.run("INSERT INTO users VALUES (1, 'one')").await;
        let ran = shop.hash(&[]).await;
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains("pads hashes with spaces"), "{ran:?}");
    }
    if let Some(shop) = Shop::of(Kind::MariaDb, 1, &["--read-only"]).await {
        let ran = shop.hash(&[]).await;
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains("read-only"), "{ran:?}");
    }
}
