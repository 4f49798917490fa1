//! Any password and any key: exact bytes are hashed, and every row is found.

use std::collections::BTreeMap;

use super::super::passwords::odd;
use super::{Kind, Shop};

async fn odd_passwords(kind: Kind, into: Option<&str>) {
    let (text, bytes) = match kind {
        Kind::Postgres => ("text", "bytea"),
        Kind::MariaDb => ("longtext", "longblob"),
    };
    for (column, takes_everything) in [(text, false), (bytes, true)] {
        let columns = format!("id bigint PRIMARY KEY, password {column}, hash varchar(255)");
        let Some(mut shop) = Shop::with(kind, &columns, &[]).await else { return };
        let mut expected = BTreeMap::new();
        let more = [b"\xff\xfe secret".to_vec(), b"\x80\0\xff".to_vec(), b"\xc3".to_vec()];
        for (id, password) in (1..).zip(odd().into_iter().chain(more)) {
            let fits = takes_everything
                || std::str::from_utf8(&password).is_ok()
                    && (kind == Kind::MariaDb || !password.contains(&0));
            if fits {
                let value =
                    if takes_everything { kind.bytes(&password) } else { kind.text(&password) };
                shop.client.run(&format!("INSERT INTO users VALUES ({id}, {value}, NULL)")).await;
                expected.insert(id, password);
            }
        }
        shop.client.run("INSERT INTO users VALUES (-1, NULL, NULL), (-2, '', NULL)").await;
        let mut arguments = vec!["--verify", "all"];
        arguments.extend(into.iter().flat_map(|into| ["--into", into]));
        let ran = shop.hash(&arguments).await;
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.balances();
        let count = expected.len() as u64;
        assert_eq!((ran.count("hashed"), ran.count("verified")), (count, count), "{ran:?}");
        let target = into.unwrap_or("password");
        if into.is_some() {
            // The plaintext is gone, and what was empty still is.
            assert_eq!(shop.values("password").await, BTreeMap::from([(-2, Vec::new())]));
        } else {
            let emptied = "UPDATE users SET password = NULL WHERE id < 0";
            shop.client.run(emptied).await;
        }
        assert_eq!(shop.values(target).await.len(), expected.len());
        shop.verify(target, |id| expected[&id].clone()).await;
    }
}

#[tokio::test]
async fn the_exact_bytes_are_hashed_in_postgres() {
    odd_passwords(Kind::Postgres, None).await;
}

#[tokio::test]
async fn the_exact_bytes_are_hashed_in_mariadb() {
    odd_passwords(Kind::MariaDb, None).await;
}

#[tokio::test]
async fn hashes_go_into_another_column_in_postgres() {
    odd_passwords(Kind::Postgres, Some("hash")).await;
}

#[tokio::test]
async fn hashes_go_into_another_column_in_mariadb() {
    odd_passwords(Kind::MariaDb, Some("hash")).await;
}

#[tokio::test]
async fn padding_of_a_fixed_width_is_no_part_of_a_password() {
    for kind in [Kind::Postgres, Kind::MariaDb] {
        let columns = "id bigint PRIMARY KEY, password char(150), hash varchar(255)";
        let Some(mut shop) = Shop::with(kind, columns, &[]).await else { return };
        shop.client.run("INSERT INTO users VALUES (1, 'secret', NULL)").await;
        let ran = shop.hash(&["--into", "hash"]).await;
        assert_eq!(ran.code, Some(0), "{ran:?}");
        shop.verify("hash", |_| b"secret".to_vec()).await;
    }
}

/// Hashes three pages of keys, half of which differ only in what a collation does not see.
async fn keys_of(shop: &mut Shop, key: &str, columns: &str, values: impl Fn(usize) -> String) {
    const ROWS: usize = 2_500;
    let columns = format!("id bigint, {columns}, password varchar(200), PRIMARY KEY ({key})");
    shop.client.run("DROP TABLE users").await;
    shop.client.run(&format!("CREATE TABLE users ({columns})")).await;
    let mut ids: Vec<usize> = (0..ROWS).collect();
    fastrand::shuffle(&mut ids);
    let rows = ids.iter().map(|&id| format!("({id}, {}, '{}')", values(id), super::password(id)));
    let rows = rows.collect::<Vec<_>>().join(", ");
    shop.client.run(&format!("INSERT INTO users VALUES {rows}")).await;
    let ran = shop.hash(&["--verify", "all"]).await;
    assert_eq!(ran.code, Some(0), "{key}: {ran:?}");
    ran.balances();
    assert_eq!(ran.count("hashed"), ROWS as u64, "{key}: {ran:?}");
    assert_eq!((ran.count("verified"), ran.count("passes")), (ROWS as u64, 2), "{key}: {ran:?}");
    shop.verify("password", super::first).await;
}

/// Short texts whose letters differ in case, accents, and spaces at their end.
fn letters(id: usize) -> String {
    let alphabet = ["a", "B", "b", "Ä", "ä", "ß", "s", "Z", "z", "'", "☃", "_"];
    let mut rest = id;
    let mut text = String::new();
    for _ in 0..4 {
        text.push_str(alphabet[rest % alphabet.len()]);
        rest /= alphabet.len();
    }
    text.replace('\'', "''")
}

#[tokio::test]
async fn every_row_is_found_by_whatever_key_postgres_can_order() {
    let Some(mut shop) = Shop::of(Kind::Postgres, 0, &[]).await else { return };
    let shop = &mut shop;
    keys_of(shop, "k", "k text", |id| format!("'{}'", letters(id))).await;
    keys_of(shop, "k", "k text COLLATE \"en-x-icu\"", |id| format!("'{}'", letters(id))).await;
    keys_of(shop, "k", "k char(9)", |id| format!("'{}'", letters(id))).await;
    keys_of(shop, "k", "k uuid", |id| format!("md5('{id}')::uuid")).await;
    keys_of(shop, "k", "k bytea", |id| format!("decode(md5('{id}'), 'hex')")).await;
    keys_of(shop, "k", "k numeric", |id| format!("{id} / 7.0 - 100")).await;
    keys_of(shop, "k", "k float8", |id| format!("({id} / 7.0)::float8 - 100")).await;
    let times = |id| format!("'2026-10-25 00:30:00+00'::timestamptz + {id} * interval '7 µs'");
    keys_of(shop, "k", "k timestamptz", |id| times(id).replace("µs", "microseconds")).await;
    let two = "realm smallint, \"log in\" text";
    let values = |id| format!("{}, '{}'", id % 3, letters(id));
    keys_of(shop, "realm, \"log in\"", two, values).await;
}

#[tokio::test]
async fn every_row_is_found_by_whatever_key_mariadb_can_order() {
    let Some(mut shop) = Shop::of(Kind::MariaDb, 0, &[]).await else { return };
    let shop = &mut shop;
    let three = "realm int, k varchar(20) COLLATE utf8mb4_general_ci, n bigint";
    // Texts that the collation takes for the same are told apart by the last column.
    let values = |id| format!("{}, '{}', {id}", id % 3, letters(id));
    keys_of(shop, "realm, k, n", three, values).await;
    keys_of(shop, "k", "k varchar(20) COLLATE utf8mb4_bin", |id| format!("'{}'", letters(id)))
        .await;
    let latin = "k varchar(20) CHARACTER SET latin1 COLLATE latin1_german2_ci, n int";
    keys_of(shop, "k, n", latin, |id| format!("'{}', {id}", letters(id).replace('☃', "~"))).await;
    keys_of(shop, "k", "k bigint unsigned", |id| format!("18446744073709551615 - {id}")).await;
    let uuid = |id| format!("'{:08x}-0000-4000-8000-{id:012x}'", (id * 40_503) % 65_536);
    keys_of(shop, "k", "k uuid", uuid).await;
    keys_of(shop, "k", "k varbinary(20)", |id| format!("unhex(md5('{id}'))")).await;
    keys_of(shop, "k", "k binary(16)", |id| format!("unhex(md5('{id}'))")).await;
    keys_of(shop, "k", "k decimal(10, 3)", |id| format!("{id} / 7 - 100 + {id}")).await;
    keys_of(shop, "k", "k datetime(6)", |id| format!("'2026-10-25' + INTERVAL {id} MICROSECOND"))
        .await;
    keys_of(shop, "k", "k inet6", |id| format!("'::{id:x}'")).await;
}

async fn large_values(kind: Kind) {
    let text = if kind == Kind::MariaDb { "longtext" } else { "text" };
    let columns = format!("id bigint PRIMARY KEY, password {text}");
    let Some(mut shop) = Shop::with(kind, &columns, &[]).await else { return };
    for id in 0..20 {
        let insert = format!("INSERT INTO users VALUES ({id}, repeat('x', 1048576))");
        shop.client.run(&insert).await;
    }
    let ran = shop.hash(&["--batch", "2"]).await;
    assert_eq!((ran.code, ran.count("hashed")), (Some(0), 20), "{ran:?}");
    ran.balances();
    shop.verify("password", |_| vec![b'x'; 1 << 20]).await;
}

#[tokio::test]
async fn a_table_of_large_values_is_hashed_page_by_page_in_postgres() {
    large_values(Kind::Postgres).await;
}

#[tokio::test]
async fn a_table_of_large_values_is_hashed_page_by_page_in_mariadb() {
    large_values(Kind::MariaDb).await;
}
