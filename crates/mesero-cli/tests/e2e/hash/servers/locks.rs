//! Rows that another program has locked, and changes.

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use super::{Kind, Shop, ended, first};
use crate::harness::HANG_TIMEOUT;

/// The rows were read, and hashed, before the application says what it has made of them.
async fn a_password_that_is_almost_the_same(kind: Kind) {
    let columns = match kind {
        Kind::Postgres => "id bigint PRIMARY KEY, password varchar(200)",
        Kind::MariaDb => "id bigint PRIMARY KEY, password varchar(200) COLLATE utf8mb4_general_ci",
    };
    let Some(mut shop) = Shop::with(kind, columns, &[]).await else { return };
    let rows = "INSERT INTO users VALUES (1, 'Secret'), (2, 'secret'), (3, 'naïve'), (4, 'same')";
    shop.client.run(rows).await;
    let mut application = shop.server.client().await;
    application.run("BEGIN").await;
    // To the collation these are what they were: another case, a space at the end, no accent.
    for (id, new) in [(1, "secret"), (2, "secret "), (3, "naive"), (4, "same")] {
        application.run(&format!("UPDATE users SET password = '{new}' WHERE id = {id}")).await;
    }
    let child = shop.begin(&[]);
    shop.until_blocked().await;
    application.run("COMMIT").await;
    let ran = ended(child).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.balances();
    let expected = |id| match id {
        1 => b"secret".to_vec(),
        2 => b"secret ".to_vec(),
        3 => b"naive".to_vec(),
        _ => b"same".to_vec(),
    };
    shop.verify("password", expected).await;
    // The fourth was written again as it was: whether that counts is the server's to say.
    assert!(ran.count("changed") >= 3, "{ran:?}");
}

#[tokio::test]
async fn a_password_that_changes_in_its_case_alone_is_not_overwritten_in_postgres() {
    a_password_that_is_almost_the_same(Kind::Postgres).await;
}

#[tokio::test]
async fn a_password_that_changes_in_its_case_alone_is_not_overwritten_in_mariadb() {
    a_password_that_is_almost_the_same(Kind::MariaDb).await;
}

async fn a_row_that_is_locked(kind: Kind) {
    let Some(shop) = Shop::of(kind, 100, &[]).await else { return };
    let mut application = shop.server.client().await;
    application.run("BEGIN").await;
    application.run("UPDATE users SET password = 'later' WHERE id = 50").await;
    let mut child = shop.begin(&[]);
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let waiting = async {
        while let Some(line) = said.next_line().await.unwrap() {
            if line.contains("waiting for the database: failed to write hashes: ") {
                return;
            }
        }
        panic!("it did not wait");
    };
    timeout(HANG_TIMEOUT, waiting).await.expect("it says so");
    // It holds no lock for longer than it waits for one itself.
    let mut other = shop.server.client().await;
    other.run("UPDATE users SET password = 'concurrent' WHERE id = 10").await;
    application.run("COMMIT").await;
    let ran = ended(child).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.balances();
    let mut shop = shop;
    let expected = |id| match id {
        50 => b"later".to_vec(),
        10 => b"concurrent".to_vec(),
        id => first(id),
    };
    shop.verify("password", expected).await;
}

#[tokio::test]
async fn a_row_that_an_application_has_locked_in_postgres_is_waited_for() {
    a_row_that_is_locked(Kind::Postgres).await;
}

#[tokio::test]
async fn a_row_that_an_application_has_locked_in_mariadb_is_waited_for() {
    a_row_that_is_locked(Kind::MariaDb).await;
}

/// Lets an application and a run wait for each other; returns whether that was a deadlock which the
/// application won.
///
/// The program that has waited for the timeout looks for a deadlock, and gives way. The run has begun
/// to wait first; only if the application's statement is kept waiting for longer than that timeout
/// is there none, or is it the application that finds it.
async fn a_deadlock_is_won(shop: &mut Shop) -> bool {
    let mut application = shop.server.client().await;
    application.run("BEGIN").await;
    application.run("UPDATE users SET password = 'later' WHERE id = 50").await;
    let child = shop.begin(&[]);
    shop.until_blocked().await;
    // A row that the waiting statement has written before.
    let written = application.try_run("UPDATE users SET password = 'deadly' WHERE id = 10").await;
    if written.is_err() {
        return false;
    }
    application.run("COMMIT").await;
    let ran = ended(child).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.balances();
    assert_eq!(ran.count("failed"), 0, "{ran:?}");
    let expected = |id| match id {
        50 => b"later".to_vec(),
        10 => b"deadly".to_vec(),
        id => first(id),
    };
    shop.verify("password", expected).await;
    shop.server.log().contains("deadlock detected")
}

#[tokio::test]
async fn a_deadlock_in_postgres_is_the_applications_to_win() {
    let settings = ["-c", "deadlock_timeout=600ms"];
    for _ in 0..5 {
        let Some(mut shop) = Shop::of(Kind::Postgres, 100, &settings).await else { return };
        if a_deadlock_is_won(&mut shop).await {
            return;
        }
    }
    panic!("in five attempts, no deadlock was won");
}
