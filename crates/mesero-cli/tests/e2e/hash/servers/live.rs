//! Beside an application that keeps running: nothing that it writes is lost.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::timeout;

use super::{Kind, Ran, Shop, first, password};
use crate::harness::HANG_TIMEOUT;

const ROWS: usize = 20_000;

/// So many rows take their time on a busy machine.
const LONG: Duration = HANG_TIMEOUT.saturating_mul(10);

/// An application that changes random passwords and signs users up until most rows are hashed.
async fn application(shop: &mut Shop) -> HashMap<i64, String> {
    let mut passwords = HashMap::new();
    let mut next = ROWS;
    // So that the last pass finds nothing.
    while !next.is_multiple_of(500) || shop.hashed().await < ROWS as i64 / 2 {
        let id = fastrand::usize(..ROWS);
        // Also passwords that differ in a capital letter alone, or in a space at the end.
        let new = match next % 3 {
            0 => format!("changed {next}"),
            1 => password(id).replace('h', "H"),
            _ => password(id) + " ",
        };
        let changed = format!("UPDATE users SET password = '{new}' WHERE id = {id}");
        assert_eq!(shop.client.run(&changed).await, 1);
        passwords.insert(i64::try_from(id).unwrap(), new);
        next += 1;
        // Behind the page that is being worked on, and before it.
        for id in [i64::try_from(next).unwrap(), -i64::try_from(next).unwrap()] {
            let new = format!("new {id}");
            shop.client.run(&format!("INSERT INTO users VALUES ({id}, '{new}')")).await;
            passwords.insert(id, new);
        }
    }
    passwords
}

async fn no_update_is_lost(kind: Kind) {
    let Some(mut shop) = Shop::of(kind, ROWS, &[]).await else { return };
    let child = shop.begin(&["--batch", "1000"]);
    let both = async { tokio::join!(application(&mut shop), child.wait_with_output()) };
    let (changed, output) = timeout(LONG, both).await.expect("both end");
    let ran = Ran::from(output.unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.balances();
    // Some of them changed between being read and being written.
    assert!(ran.count("changed") > 0 && ran.count("passes") > 1, "{ran:?}");
    let of = |id| changed.get(&id).map_or_else(|| first(id), |new| new.clone().into_bytes());
    shop.verify("password", of).await;
}

#[tokio::test]
async fn no_update_is_lost_in_postgres_while_an_application_writes() {
    no_update_is_lost(Kind::Postgres).await;
}

#[tokio::test]
async fn no_update_is_lost_in_mariadb_while_an_application_writes() {
    no_update_is_lost(Kind::MariaDb).await;
}
