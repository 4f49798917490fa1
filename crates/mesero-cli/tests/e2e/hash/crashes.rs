//! Runs that are cut off: killed, without room on the disk, without the right to write. The rows are the checkpoint.

use std::time::Duration;

use rusqlite::types::Value;
use tokio::process::Command;

use super::{App, CHEAP, finished, password, verified_by_argon2_cffi};
use crate::harness::{program, until};

#[tokio::test]
async fn killed_at_twenty_random_moments_the_end_is_the_same() {
    let app = App::of(5_000);
    let connection = app.open();
    let count = "SELECT count(*) FROM users WHERE password LIKE '$argon2id$%'";
    let hashed = || connection.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap();
    for _ in 0..20 {
        let before = hashed();
        let wanted = before + fastrand::i64(1..200);
        let mut child = app.command(&[&CHEAP[..], &["--batch", "20"]].concat()).spawn().unwrap();
        until(async || hashed() >= wanted || child.try_wait().unwrap().is_some()).await;
        // Anywhere within a batch.
        tokio::time::sleep(Duration::from_micros(fastrand::u64(..5_000))).await;
        child.kill().await.unwrap();
        // What is no hash is what it was.
        for (id, text) in app.texts("password") {
            let is_hash = text.starts_with("$argon2id$") && text.len() > 80;
            assert!(is_hash || text == password(id.parse().unwrap()), "{id}");
        }
        assert!(hashed() >= before);
    }
    let ran = app.hash(&[]).await;
    assert_eq!((ran.code, ran.count("failed")), (Some(0), 0), "{ran:?}");
    let texts = app.texts("password");
    assert_eq!(texts.len(), 5_000);
    let pairs =
        texts.into_iter().map(|(id, text)| (text, password(id.parse().unwrap()).into_bytes()));
    let _ = verified_by_argon2_cffi(pairs).await;
}

#[tokio::test]
async fn a_full_disk_is_said_and_with_room_the_same_command_goes_on() {
    let app = App::of(3_000);
    let size = std::fs::metadata(app.path()).unwrap().len();
    // In units of 512 bytes: the write-ahead log may not become larger than that.
    let blocks = (size + 100_000) / 512;
    let mut limited = Command::new("sh");
    limited.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" hash \"$@\""));
    limited.arg(program()).args(["app.db", "--table", "users", "--column", "password", "--json"]);
    limited.args(CHEAP).current_dir(app.folder.path());
    let full = finished(limited).await;
    assert_eq!(full.code, Some(1), "{full:?}");
    full.balances();
    assert!(full.stderr.contains("stopped: failed to"), "{}", full.stderr);
    assert!(full.stderr.contains("every row has its old value or its hash"), "{}", full.stderr);
    let ran = app.hash(&[]).await;
    assert_eq!((ran.code, ran.count("failed")), (Some(0), 0), "{ran:?}");
    let pairs = app.texts("password").into_iter();
    let pairs = pairs.map(|(id, text)| (text, password(id.parse().unwrap()).into_bytes()));
    let _ = verified_by_argon2_cffi(pairs).await;
}

#[tokio::test]
async fn a_database_that_refuses_to_be_written_keeps_its_rows() {
    let app = App::new(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, password TEXT); INSERT INTO users VALUES (1, 'one')",
    );
    // What another program does that upgrades the file to a format of the future.
    let mut bytes = std::fs::read(app.path()).unwrap();
    bytes[18] = 3;
    std::fs::write(app.path(), bytes).unwrap();
    let ran = app.run(&CHEAP).await;
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("it is read-only for this user"), "{}", ran.stderr);
    let mut bytes = std::fs::read(app.path()).unwrap();
    bytes[18] = 1;
    std::fs::write(app.path(), bytes).unwrap();
    assert_eq!(app.values("password")["1"], Value::Text("one".to_owned()));
}
