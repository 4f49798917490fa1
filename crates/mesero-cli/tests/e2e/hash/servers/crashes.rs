//! Runs that are killed, connections that are cut, servers that stop: the rows are the checkpoint.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use super::{Kind, Shop, ended, first};
use crate::harness::HANG_TIMEOUT;

async fn killed_at_twenty_random_moments(kind: Kind) {
    let Some(mut shop) = Shop::of(kind, 5_000, &[]).await else { return };
    for _ in 0..20 {
        let before = shop.hashed().await;
        let mut child = shop.begin(&["--batch", "20"]);
        shop.until_hashed(before + fastrand::i64(1..200), &mut child).await;
        // Anywhere within a batch.
        tokio::time::sleep(Duration::from_micros(fastrand::u64(..5_000))).await;
        child.kill().await.unwrap();
        // What is no hash is what it was.
        for (id, value) in shop.values("password").await {
            let is_hash = value.starts_with(b"$argon2id$") && value.len() > 80;
            assert!(is_hash || value == first(id), "{id}");
        }
        assert!(shop.hashed().await >= before);
    }
    let ran = shop.hash(&[]).await;
    assert_eq!((ran.code, ran.count("failed")), (Some(0), 0), "{ran:?}");
    assert_eq!(shop.hashed().await, 5_000);
    shop.verify("password", first).await;
}

#[tokio::test]
async fn killed_at_twenty_random_moments_the_end_is_the_same_in_postgres() {
    killed_at_twenty_random_moments(Kind::Postgres).await;
}

#[tokio::test]
async fn killed_at_twenty_random_moments_the_end_is_the_same_in_mariadb() {
    killed_at_twenty_random_moments(Kind::MariaDb).await;
}

/// Cuts all connections but the test's own.
async fn cut(shop: &mut Shop) -> usize {
    match shop.server.kind {
        Kind::Postgres => {
            let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                       WHERE application_name = 'mesero hash'";
            usize::try_from(shop.client.count(cut).await).unwrap()
        }
        Kind::MariaDb => {
            let others = "SELECT CAST(ID AS SIGNED), '' FROM information_schema.PROCESSLIST \
                          WHERE USER = 'mesero' AND ID <> CONNECTION_ID()";
            let others = shop.client.pairs(others).await;
            for (id, _) in &others {
                // It may have ended in the meantime.
                let _ = shop.client.try_run(&format!("KILL {id}")).await;
            }
            others.len()
        }
    }
}

/// Rate at which a run does not end before a test has disturbed it.
const SLOWLY: [&str; 4] = ["--batch", "20", "--max-rows-per-s", "500"];

async fn a_connection_that_is_cut_is_made_anew(kind: Kind) {
    let Some(mut shop) = Shop::of(kind, 5_000, &[]).await else { return };
    let mut child = shop.begin(&SLOWLY);
    let mut cuts = 0;
    for round in 1..=10 {
        shop.until_hashed(round * 300, &mut child).await;
        cuts += cut(&mut shop).await;
    }
    let ran = ended(child).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.balances();
    assert!(cuts > 1, "{cuts}");
    assert_eq!((ran.count("hashed"), ran.count("failed")), (5_000, 0), "{ran:?}");
    shop.verify("password", first).await;
}

#[tokio::test]
async fn a_connection_to_postgres_that_is_cut_is_made_anew_and_nothing_is_lost() {
    a_connection_that_is_cut_is_made_anew(Kind::Postgres).await;
}

#[tokio::test]
async fn a_connection_to_mariadb_that_is_cut_is_made_anew_and_nothing_is_lost() {
    a_connection_that_is_cut_is_made_anew(Kind::MariaDb).await;
}

async fn a_server_that_goes_away_is_waited_for(kind: Kind) {
    let Some(mut shop) = Shop::of(kind, 5_000, &[]).await else { return };
    let mut child = shop.begin(&SLOWLY);
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    shop.until_hashed(1_000, &mut child).await;
    shop.server.stop().await;
    let mut lines = String::new();
    let waiting = async {
        while !lines.contains("waiting for the database: failed to") {
            lines.push_str(&said.next_line().await.unwrap().expect("it waits"));
        }
    };
    timeout(HANG_TIMEOUT, waiting).await.expect("it says so");
    assert!(shop.server.start_again().await);
    let ran = ended(child).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.balances();
    assert_eq!(ran.count("hashed"), 5_000, "{ran:?}");
    shop.client = shop.server.client().await;
    shop.verify("password", first).await;
}

#[tokio::test]
async fn postgres_that_is_stopped_is_waited_for_until_it_is_there_again() {
    a_server_that_goes_away_is_waited_for(Kind::Postgres).await;
}

#[tokio::test]
async fn mariadb_that_is_stopped_is_waited_for_until_it_is_there_again() {
    a_server_that_goes_away_is_waited_for(Kind::MariaDb).await;
}

async fn a_server_that_crashes_loses_nothing(kind: Kind) {
    let Some(mut shop) = Shop::of(kind, 5_000, &[]).await else { return };
    let mut child = shop.begin(&["--batch", "20"]);
    for round in 1..=3 {
        shop.until_hashed(round * 1_000, &mut child).await;
        shop.server.crash().await;
        assert!(shop.server.start_again().await);
        shop.client = shop.server.client().await;
    }
    let ran = ended(child).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.balances();
    assert_eq!(shop.hashed().await, 5_000);
    shop.verify("password", first).await;
}

#[tokio::test]
async fn postgres_that_crashes_has_every_row_hashed_in_the_end() {
    a_server_that_crashes_loses_nothing(Kind::Postgres).await;
}

#[tokio::test]
async fn mariadb_that_crashes_has_every_row_hashed_in_the_end() {
    a_server_that_crashes_loses_nothing(Kind::MariaDb).await;
}
