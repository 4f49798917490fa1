//! A server without room on its disk.

use super::{Kind, Ran, Shop, first};

/// It has ended, and says what to do.
fn is_full(ran: &Ran) {
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran.balances();
    assert!(ran.stderr.contains("stopped: failed to write hashes: "), "{ran:?}");
    assert!(ran.stderr.contains("make room on the server's disk"), "{ran:?}");
}

#[tokio::test]
async fn a_full_disk_of_postgres_is_said_and_with_room_the_same_command_goes_on() {
    const ROWS: usize = 20_000;
    let Some(mut shop) = Shop::of(Kind::Postgres, 0, &[]).await else { return };
    shop.server.stop().await;
    if !shop.server.start_again_with_small_disk(3).await {
        return;
    }
    shop.client = shop.server.client().await;
    let small = shop.server.folder.path().join("small");
    let place = format!("CREATE TABLESPACE small LOCATION '{}'", small.display());
    shop.client.run(&place).await;
    shop.client.run("ALTER TABLE users SET TABLESPACE small").await;
    shop.client.run("ALTER TABLE users SET (autovacuum_enabled = false)").await;
    shop.sign_up(ROWS).await;
    is_full(&shop.hash(&[]).await);
    let hashed = shop.hashed().await;
    assert!(hashed > 0 && hashed < ROWS as i64, "{hashed}");
    shop.client.run("ALTER TABLE users SET TABLESPACE pg_default").await;
    let ran = shop.hash(&[]).await;
    assert_eq!((ran.code, ran.count("failed")), (Some(0), 0), "{ran:?}");
    assert_eq!(ran.count("already"), u64::try_from(hashed).unwrap(), "{ran:?}");
    shop.verify("password", first).await;
}

#[tokio::test]
async fn a_full_disk_of_mariadb_is_said_and_with_room_the_same_command_goes_on() {
    const ROWS: usize = 20_000;
    // A file for all tables that may not become larger.
    let settings = ["--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M;more:2M"];
    let Some(mut shop) = Shop::of(Kind::MariaDb, ROWS, &settings).await else { return };
    is_full(&shop.hash(&[]).await);
    let hashed = shop.hashed().await;
    assert!(hashed > 0 && hashed < ROWS as i64, "{hashed}");
    shop.server.stop().await;
    shop.server.settings =
        vec!["--innodb-data-file-path=ibdata1:12M;more:2M:autoextend".to_owned()];
    assert!(shop.server.start_again().await);
    shop.client = shop.server.client().await;
    let ran = shop.hash(&[]).await;
    assert_eq!((ran.code, ran.count("failed")), (Some(0), 0), "{ran:?}");
    assert_eq!(ran.count("already"), u64::try_from(hashed).unwrap(), "{ran:?}");
    shop.verify("password", first).await;
}
