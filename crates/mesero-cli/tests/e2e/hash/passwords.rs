//! Any password: its exact bytes are hashed, and another implementation verifies them.

use rusqlite::params;
use rusqlite::types::Value;

use super::{App, CHEAP, password, verified_by_argon2_cffi};

const TABLE: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, password)";

/// Unusual passwords.
pub(super) fn odd() -> Vec<Vec<u8>> {
    let planes = (0..=0x10u32).filter_map(|plane| char::from_u32(plane * 0x1_0000 + 0x1234));
    let mut odd: Vec<Vec<u8>> = [
        "a",
        " ",
        "secret ",
        "\tsecret",
        "se\0cret",
        "\0",
        "'; DROP TABLE users; --",
        "Secret",
        "secret",
        "SECRET",
        "$2000 bonus",
        "{}",
        "ß",
        "ss",
        "e\u{301}",
        "\u{e9}",
        "NULL",
        "\r\n",
        "%s",
        "0x00",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    odd.push(planes.collect::<String>().into_bytes());
    odd.push(b"x".repeat(10_000));
    odd.push(b"y".repeat(1_000_000));
    odd
}

#[tokio::test]
async fn the_exact_bytes_are_hashed_and_argon2_cffi_verifies_every_one() {
    let app = App::new(TABLE);
    let connection = app.open();
    let mut expected: Vec<(i64, Vec<u8>)> = Vec::new();
    for password in odd() {
        let text = "INSERT INTO users (password) VALUES (CAST(?1 AS TEXT))";
        connection.execute(text, [&password]).unwrap();
        expected.push((connection.last_insert_rowid(), password));
    }
    // Texts that are no UTF-8, and bytes.
    for (kind, password) in
        [("TEXT", b"\xff\xfe secret".as_slice()), ("BLOB", b"\x80\0\xff"), ("BLOB", b"secret")]
    {
        let text = format!("INSERT INTO users (password) VALUES (CAST(?1 AS {kind}))");
        connection.execute(&text, [password]).unwrap();
        expected.push((connection.last_insert_rowid(), password.to_vec()));
    }
    connection.execute_batch("INSERT INTO users (password) VALUES (NULL), (''), (x'')").unwrap();

    let ran = app.hash(&["--verify", "all"]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.balances();
    assert_eq!(ran.count("hashed"), expected.len() as u64);
    assert_eq!(ran.count("verified"), expected.len() as u64);
    assert_eq!(ran.count("empty"), 3);
    let values = app.values("password");
    let stored = expected.iter().map(|(id, _)| match &values[&id.to_string()] {
        Value::Text(text) => text.clone(),
        // A column of bytes stays a column of bytes.
        Value::Blob(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        other => panic!("{id}: {other:?}"),
    });
    let blobs =
        values.values().filter(|value| matches!(value, Value::Blob(bytes) if !bytes.is_empty()));
    assert_eq!(blobs.count(), 2);
    let pairs: Vec<_> = stored.zip(expected.iter().map(|(_, password)| password.clone())).collect();
    let _ = verified_by_argon2_cffi(pairs).await;
}

#[tokio::test]
async fn the_default_cost_is_verified_by_argon2_cffi_too() {
    let app = App::of(4);
    let ran = app.run(&["--json", "--verify", "all"]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let texts = app.texts("password");
    assert!(
        texts
            .values()
            .all(|text| text.len() == 97 && text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"))
    );
    let pairs =
        texts.into_iter().map(|(id, text)| (text, password(id.parse().unwrap()).into_bytes()));
    let _ = verified_by_argon2_cffi(pairs).await;
}

#[tokio::test]
async fn what_may_be_a_hash_stops_everything_until_somebody_says_what_it_is() {
    // The MD5 digest of `password`, and what bcrypt makes of it.
    let digest = "5f4dcc3b5aa765d61d8327deb882cf99";
    let crypt = "$2b$04$7GZ5DJ2BN2IaV7QGkD9vbuR5T.KrH5xZcPZ5Zd9nS3M4C1Y1v5g2e";
    let fill = |app: &App| {
        let text =
            "INSERT INTO users (id, password) VALUES (0, 'plain'), (1, ?1), (2, ?2), (3, 12345)";
        app.open().execute(text, params![digest, crypt]).unwrap();
    };
    let app = App::new(TABLE);
    fill(&app);
    let before = app.values("password");
    let stopped = app.hash(&[]).await;
    assert_eq!(stopped.code, Some(5), "{stopped:?}");
    assert_eq!(app.values("password"), before);
    // One of each, and three in all.
    for said in [
        "32 hexadecimal digits: plaintext or a hash?",
        "begins like a hash of crypt",
        "is a number",
        "3 values may be plaintext or hashes",
    ] {
        assert!(stopped.stderr.contains(said), "{said}: {}", stopped.stderr);
    }

    let skipped = app.hash(&["--ambiguous", "skip"]).await;
    assert_eq!(
        (skipped.code, skipped.count("hashed"), skipped.count("ambiguous")),
        (Some(0), 1, 3)
    );
    skipped.balances();
    assert_eq!(app.texts("password")["1"], digest);

    let wrapped = app.hash(&["--ambiguous", "wrap"]).await;
    assert_eq!((wrapped.code, wrapped.count("hashed")), (Some(0), 1), "{wrapped:?}");
    let text = app.texts("password")["1"].clone();
    let hash = text.strip_prefix("hex32").unwrap().to_owned();
    let _ = verified_by_argon2_cffi([(hash, digest.as_bytes().to_vec())]).await;
    // It is one now: nothing is wrapped twice.
    let again = app.hash(&["--ambiguous", "wrap"]).await;
    assert_eq!((again.count("hashed"), again.count("already")), (0, 2), "{again:?}");

    let app = App::new(TABLE);
    fill(&app);
    let plaintext = app.hash(&["--ambiguous", "plaintext"]).await;
    assert_eq!((plaintext.code, plaintext.count("hashed")), (Some(0), 4), "{plaintext:?}");
    let texts = app.texts("password");
    let pairs = [("0", "plain"), ("1", digest), ("2", crypt), ("3", "12345")];
    let pairs = pairs.map(|(id, password)| (texts[id].clone(), password.as_bytes().to_vec()));
    let _ = verified_by_argon2_cffi(pairs).await;
}

#[tokio::test]
async fn a_pepper_is_mixed_in_and_named() {
    let app = App::of(2);
    std::fs::write(app.folder.path().join("pepper"), "black").unwrap();
    let flags = ["--pepper-file", "pepper", "--pepper-id", "2026"];
    let ran = app.hash(&[&flags[..], &["--verify", "all"]].concat()).await;
    assert_eq!((ran.code, ran.count("verified")), (Some(0), 2), "{ran:?}");
    let texts = app.texts("password");
    assert!(texts.values().all(|text| text.contains("$m=8,t=1,p=1,keyid=MjAyNg$")), "{texts:?}");
}

#[tokio::test]
async fn a_calibrated_cost_is_said_and_is_not_weak() {
    let app = App::of(1);
    let ran = app.run(&["--json", "--calibrate", "50ms", "--verify", "none"]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let cost = ran.json()["argon2"].as_str().unwrap().to_owned();
    assert!(app.texts("password")["0"].contains(&cost));
    assert_ne!(cost, CHEAP[1]);
}
