//! Logs, files and statistics of a server: they have no password from a run.

use std::path::Path;

use super::{Kind, Shop, finished, password};
use crate::harness::until;

/// Keeps the statements of a test out of the logs.
async fn in_silence(shop: &mut Shop) {
    let silence = match shop.server.kind {
        Kind::Postgres => "SET log_statement = 'none'; SET log_min_duration_statement = -1",
        Kind::MariaDb => "SET SESSION sql_log_off = 1, slow_query_log = 0",
    };
    shop.client.run(silence).await;
}

/// Reads all logs of the server.
fn logged(shop: &Shop) -> String {
    let general = shop.server.folder.path().join("data/general.log");
    shop.server.log() + &std::fs::read_to_string(general).unwrap_or_default()
}

fn settings(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Postgres => &["-c", "log_statement=all", "-c", "log_min_duration_statement=0"],
        Kind::MariaDb => &["--general-log", "--general-log-file=general.log"],
    }
}

async fn no_log_has_a_password(kind: Kind) {
    let columns = "id bigint PRIMARY KEY, password varchar(200)";
    let Some(mut shop) = Shop::with(kind, columns, settings(kind)).await else { return };
    in_silence(&mut shop).await;
    shop.sign_up(300).await;
    // One row fails, and what refuses it says what was in it.
    shop.client
        .run(match kind {
            Kind::Postgres => {
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 RAISE NOTICE 'it was %', OLD.password;
                 IF OLD.id = 7 THEN RAISE EXCEPTION 'never %', OLD.password; END IF;
                 RETURN NEW; END $$;
             CREATE TRIGGER guard BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION refuse();
             ALTER FUNCTION refuse() SET log_min_messages = panic"
            }
            Kind::MariaDb => {
                "CREATE TRIGGER guard BEFORE UPDATE ON users FOR EACH ROW
             BEGIN
                 IF OLD.id = 7 THEN
                     SET @said = CONCAT('never ', OLD.password);
                     SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = @said;
                 END IF;
             END"
            }
        })
        .await;
    let mut command = shop.command(&[&super::CHEAP[..], &["--json", "--verify", "all"]].concat());
    command.env("MESERO_LOG", "trace");
    let ran = finished(command).await;
    assert_eq!((ran.code, ran.count("hashed")), (Some(1), 299), "{ran:?}");
    assert!(ran.stderr.contains("a trigger"), "{}", ran.stderr);
    for text in [&ran.stdout, &ran.stderr, &logged(&shop)] {
        assert!(!text.contains("hunter") && !text.contains("$argon2id$v=19$m=8"), "{text}");
    }
    // It does log what others send.
    let mut other = shop.server.client().await;
    other.run("UPDATE users SET password = 'from another' WHERE id = -1").await;
    until(async || logged(&shop).contains("from another")).await;
}

#[tokio::test]
async fn no_log_of_postgres_or_of_ours_has_a_password_or_a_hash() {
    no_log_has_a_password(Kind::Postgres).await;
}

#[tokio::test]
async fn no_log_of_mariadb_or_of_ours_has_a_password_or_a_hash() {
    no_log_has_a_password(Kind::MariaDb).await;
}

/// Returns whether a file has these bytes in it.
fn has(path: &Path, needle: &[u8]) -> bool {
    let bytes = std::fs::read(path).unwrap();
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn with_vacuum_neither_the_tables_file_nor_statistics_of_postgres_have_a_password() {
    let Some(mut shop) = Shop::of(Kind::Postgres, 1_000, &[]).await else { return };
    shop.client.run("ANALYZE users; CHECKPOINT").await;
    let file = "SELECT 0::int8, pg_relation_filepath('users')::bytea";
    let path = async |shop: &mut Shop| {
        let (_, path) = shop.client.pairs(file).await.remove(0);
        shop.server.folder.path().join("data").join(String::from_utf8(path.unwrap()).unwrap())
    };
    let samples = "SELECT count(*) FROM pg_stats WHERE tablename = 'users' \
                   AND histogram_bounds::text LIKE '%hunter%'";
    assert!(has(&path(&mut shop).await, password(7).as_bytes()));
    assert_eq!(shop.client.count(samples).await, 1);
    let ran = shop.hash(&["--vacuum"]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    shop.client.run("CHECKPOINT").await;
    assert!(!has(&path(&mut shop).await, b"hunter"));
    assert_eq!(shop.client.count(samples).await, 0);
}

#[tokio::test]
async fn with_vacuum_neither_the_tables_file_nor_statistics_of_mariadb_have_a_password() {
    let Some(mut shop) = Shop::of(Kind::MariaDb, 1_000, &[]).await else { return };
    shop.client.run("SET SESSION histogram_size = 200").await;
    shop.client.run("ANALYZE TABLE users PERSISTENT FOR ALL").await;
    let file = shop.server.folder.path().join("data/shop/users.ibd");
    let flushed = "FLUSH TABLES users FOR EXPORT; UNLOCK TABLES";
    shop.client.run(flushed).await;
    let samples = "SELECT COUNT(*) FROM mysql.column_stats WHERE table_name = 'users' \
                   AND min_value LIKE 'hunter%'";
    assert!(has(&file, password(7).as_bytes()));
    assert_eq!(shop.client.count(samples).await, 1);
    let ran = shop.hash(&["--vacuum"]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    shop.client.run(flushed).await;
    assert!(!has(&file, b"hunter"));
    assert_eq!(shop.client.count(samples).await, 0, "{ran:?}");
}
