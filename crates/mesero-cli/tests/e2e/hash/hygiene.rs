//! No password and no hash goes anywhere but into the database.

use std::path::Path;

use super::{App, finished, password};
use crate::harness::until;

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// Every byte of every file in a folder.
fn written(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    bytes
}

#[tokio::test]
async fn no_byte_that_was_said_or_left_behind_has_a_password() {
    for (mode, rows) in [("wal", 300), ("delete", 300)] {
        let app = App::of(rows);
        let connection = app.open();
        // What an application left behind before: in free pages, and in gaps.
        connection
            .execute_batch(
                "INSERT INTO users SELECT id + 10000, 'hunter before ' || hex(randomblob(50)) FROM users;
                 DELETE FROM users WHERE id >= 10000;",
            )
            .unwrap();
        connection.pragma_update(None, "journal_mode", mode).unwrap();
        // One of its rows fails, so that something is said of it.
        connection
            .execute_batch(
                "CREATE TRIGGER guard BEFORE UPDATE ON users WHEN old.id = 7
                 BEGIN SELECT RAISE(ABORT, 'never'); END",
            )
            .unwrap();
        drop(connection);
        assert!(contains(&written(app.folder.path()), b"hunter before"));
        let run = |flags: &[&str]| {
            let mut command = app.command(&[&super::CHEAP[..], flags].concat());
            command.env("MESERO_LOG", "trace").env("TMPDIR", app.folder.path());
            finished(command)
        };
        let ran = run(&["--json", "--verify", "all"]).await;
        assert_eq!(ran.code, Some(1), "{ran:?}");
        for said in [&ran.stdout, &ran.stderr] {
            assert!(!said.contains("hunter") && !said.contains("$argon2id"), "{said}");
        }
        let connection = app.open();
        connection.execute_batch("DROP TRIGGER guard").unwrap();
        drop(connection);
        let ran = run(&["--json", "--vacuum"]).await;
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(
            !ran.stderr.contains("hunter") && !ran.stderr.contains("$argon2id"),
            "{}",
            ran.stderr
        );
        let left = written(app.folder.path());
        assert!(!contains(&left, b"hunter"), "{mode}");
        for id in [0, 7, rows - 1] {
            assert!(!contains(&left, password(id).as_bytes()), "{mode}");
        }
    }
}

#[tokio::test]
async fn the_process_leaves_no_core_and_cannot_be_looked_into() {
    let app = App::of(1_000);
    let mut command = app.command(&[&super::CHEAP[..], &["--max-rows-per-s", "100"]].concat());
    let mut child = command.spawn().unwrap();
    let process = Path::new("/proc").join(child.id().unwrap().to_string());
    let connection = app.open();
    let count = "SELECT count(*) FROM users WHERE password LIKE '$argon2id$%'";
    until(async || {
        assert!(child.try_wait().unwrap().is_none());
        connection.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap() > 0
    })
    .await;
    let limits = std::fs::read_to_string(process.join("limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    // What is not dumpable belongs to the superuser.
    let owner =
        std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(process.join("environ")).unwrap());
    assert_eq!(owner, 0);
    child.kill().await.unwrap();
}
