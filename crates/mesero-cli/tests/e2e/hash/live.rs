//! Beside an application that keeps running: nothing that it writes is lost, and it never waits for long.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior, params};
use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use super::{
    App, CHEAP, Ran, finished, finished_within, insert, password, verified_by_argon2_cffi,
};
use crate::harness::{HANG_TIMEOUT, output_of, signal, until};

const ROWS: usize = 30_000;
const MOST: i64 = 27_000;

/// An application that changes random passwords and signs users up until `stop` is set.
fn application(mut connection: Connection, stop: &AtomicBool) -> HashMap<usize, String> {
    let mut passwords = HashMap::new();
    let mut next = ROWS;
    while !stop.load(SeqCst) {
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        insert(&transaction, next);
        passwords.insert(next, password(next));
        // Also to a password that differs in a capital letter alone.
        let changed = [(fastrand::usize(..next), true), (fastrand::usize(..next), false)];
        for (id, differs) in changed {
            let new =
                if differs { format!("changed {next}") } else { password(id).replace('h', "H") };
            let text = "UPDATE users SET password = ?2 WHERE id = ?1";
            assert_eq!(transaction.execute(text, params![id as i64, new]).unwrap(), 1);
            passwords.insert(id, new);
        }
        transaction.commit().unwrap();
        next += 1;
        // The run has to write too.
        std::thread::yield_now();
    }
    passwords
}

#[tokio::test]
async fn no_update_is_lost_while_an_application_changes_passwords_and_signs_users_up() {
    let app = App::of(ROWS);
    let stop = Arc::new(AtomicBool::new(false));
    let running = {
        let (connection, stop) = (app.open(), Arc::clone(&stop));
        std::thread::spawn(move || application(connection, &stop))
    };
    let command = app.command(&[&CHEAP[..], &["--json", "--batch", "1000"]].concat());
    let hashing = finished_within(command, 10 * HANG_TIMEOUT);
    let watching = app.open();
    let count = "SELECT count(*) FROM users WHERE password LIKE '$argon2id$%'";
    // It stops when most rows are hashed, so that the last pass finds nothing.
    let stopping = async {
        let mut every = tokio::time::interval(Duration::from_millis(100));
        while watching.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap() < MOST {
            every.tick().await;
        }
        stop.store(true, SeqCst);
    };
    let both = async { tokio::join!(hashing, stopping) };
    let (ran, ()) = timeout(10 * HANG_TIMEOUT, both).await.expect("both end");
    let changed = running.join().unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.balances();
    assert!(ran.count("passes") > 1 && !changed.is_empty(), "{ran:?}");
    let texts = app.texts("password");
    assert!(texts.len() > ROWS && texts.values().all(|text| text.starts_with("$argon2id$")));
    // Each is the hash of the last password that was written.
    let pairs = texts.into_iter().map(|(id, text)| {
        let id: usize = id.parse().unwrap();
        let password = changed.get(&id).cloned().unwrap_or_else(|| password(id));
        (text, password.into_bytes())
    });
    let _ = verified_by_argon2_cffi(pairs).await;
}

#[tokio::test]
async fn a_file_that_is_locked_is_waited_for_and_that_is_said() {
    let app = App::of(10);
    let other = app.open();
    other
        .execute_batch("BEGIN IMMEDIATE; UPDATE users SET password = 'later' WHERE id = 3")
        .unwrap();
    let mut child = app.command(&[&CHEAP[..], &["--json"]].concat()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let waiting = async {
        while let Some(line) = said.next_line().await.unwrap() {
            if line.contains("waiting for the database: failed to")
                && line.contains("another program holds a lock on it")
            {
                return;
            }
        }
        panic!("it did not wait");
    };
    timeout(HANG_TIMEOUT, waiting).await.unwrap();
    other.execute_batch("COMMIT").unwrap();
    let output = output_of(child).await;
    assert_eq!(output.status.code(), Some(0));
    let pairs = app.texts("password").into_iter().map(|(id, text)| {
        let password = if id == "3" { "later".to_owned() } else { password(id.parse().unwrap()) };
        (text, password.into_bytes())
    });
    let _ = verified_by_argon2_cffi(pairs).await;
}

#[tokio::test]
async fn nothing_is_begun_while_the_pause_file_exists() {
    let app = App::of(10);
    let pause = app.folder.path().join("pause");
    std::fs::write(&pause, "").unwrap();
    let mut child =
        app.command(&[&CHEAP[..], &["--pause-file", "pause"]].concat()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let paused = async {
        while let Some(line) = said.next_line().await.unwrap() {
            if line.contains("paused: no further rows are hashed while `pause` exists") {
                return;
            }
        }
        panic!("it did not pause");
    };
    timeout(HANG_TIMEOUT, paused).await.unwrap();
    assert!(app.texts("password").values().all(|text| !text.starts_with('$')));
    std::fs::remove_file(&pause).unwrap();
    let output = output_of(child).await;
    assert_eq!(output.status.code(), Some(0));
    assert!(app.texts("password").values().all(|text| text.starts_with('$')));
}

#[tokio::test]
async fn a_rate_holds_from_the_first_row_on() {
    let app = App::of(21);
    let ran = app.hash(&["--max-rows-per-s", "20"]).await;
    assert_eq!((ran.code, ran.count("hashed")), (Some(0), 21), "{ran:?}");
    assert!(ran.count("took_ms") >= 1_000, "{ran:?}");
}

#[tokio::test]
async fn an_interrupt_leaves_every_row_hashed_or_as_it_was() {
    let app = App::of(2_000);
    // So slow that the signal comes before its end.
    let mut command = app.command(&[&CHEAP[..], &["--json", "--max-rows-per-s", "100"]].concat());
    command.stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    let connection = app.open();
    let count = "SELECT count(*) FROM users WHERE password LIKE '$argon2id$%'";
    let hashed = || connection.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap();
    until(async || hashed() > 0).await;
    signal(&child, Signal::INT);
    let output = output_of(child).await;
    let stderr = String::from_utf8(output.stderr).unwrap();
    let ran = Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr,
    };
    assert_eq!(ran.code, Some(130), "{ran:?}");
    ran.balances();
    assert_eq!(u64::try_from(hashed()).unwrap(), ran.count("hashed"));
    let again = finished(app.command(&[&CHEAP[..], &["--json"]].concat())).await;
    assert_eq!((again.code, again.count("already")), (Some(0), ran.count("hashed")), "{again:?}");
    let pairs = app.texts("password").into_iter();
    let pairs = pairs.map(|(id, text)| (text, password(id.parse().unwrap()).into_bytes()));
    let _ = verified_by_argon2_cffi(pairs).await;
}
