//! Tables as they are: keys of every kind, two columns, other collations and encodings.

use rusqlite::types::Value;

use super::{App, verified_by_argon2_cffi};

#[tokio::test]
async fn hashes_go_into_another_column_and_the_plaintext_becomes_null() {
    let app = App::new(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, password TEXT, password_hash TEXT);
         INSERT INTO users VALUES (1, 'one', NULL), (2, 'two', ''), (3, NULL, NULL)",
    );
    let ran = app.hash(&["--into", "password_hash"]).await;
    assert_eq!((ran.code, ran.count("hashed"), ran.count("empty")), (Some(0), 2, 1), "{ran:?}");
    ran.balances();
    assert!(app.values("password").values().all(|value| *value == Value::Null));
    let hashes = app.texts("password_hash");
    let pairs = [("1", "one"), ("2", "two")]
        .map(|(id, password)| (hashes[id].clone(), password.as_bytes().to_vec()));
    let _ = verified_by_argon2_cffi(pairs).await;
    let again = app.hash(&["--into", "password_hash"]).await;
    assert_eq!((again.count("already"), again.count("hashed")), (2, 0), "{again:?}");

    // An old program signs the user up again, beside a hash.
    app.open().execute_batch("UPDATE users SET password = 'new' WHERE id = 1").unwrap();
    let both = app.hash(&["--into", "password_hash"]).await;
    assert_eq!(both.code, Some(5), "{both:?}");
    assert!(both.stderr.contains("has a plaintext and also a value"), "{}", both.stderr);
}

#[tokio::test]
async fn a_table_of_any_key_is_hashed_whole() {
    let fill = |columns: &str, values: &str| {
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
             INSERT INTO users ({columns}, password) SELECT {values}, 'password' || i FROM n"
        )
    };
    for (schema, columns, values, flags) in [
        // A key of two columns, in another order than that of the table.
        (
            "id INT, realm TEXT, password TEXT, PRIMARY KEY (realm, id)",
            "id, realm",
            "i / 7, 'r' || (i % 7)",
            &[][..],
        ),
        ("id TEXT PRIMARY KEY, password TEXT) WITHOUT ROWID", "id", "'user-' || i", &[]),
        (
            "id TEXT COLLATE NOCASE PRIMARY KEY, password TEXT COLLATE NOCASE",
            "id",
            "char(65 + 32 * (i % 2)) || i",
            &[],
        ),
        ("id BLOB PRIMARY KEY NOT NULL, password TEXT", "id", "randomblob(16)", &[]),
        ("id REAL PRIMARY KEY, password TEXT", "id", "i / 3.0", &[]),
        // Numbers, texts and bytes side by side.
        (
            "id PRIMARY KEY, password TEXT",
            "id",
            "CASE i % 3 WHEN 0 THEN i WHEN 1 THEN 't' || i ELSE CAST(i AS BLOB) END",
            &[],
        ),
        ("id TEXT UNIQUE NOT NULL, password TEXT", "id", "'user ' || i", &["--key", "id"]),
        ("id TEXT, password TEXT", "id", "'user ' || (i % 10)", &["--key", "rowid"]),
    ] {
        let schema = match schema.contains("WITHOUT") {
            true => format!("CREATE TABLE users ({schema};"),
            false => format!("CREATE TABLE users ({schema});"),
        };
        let app = App::new(&format!("{schema}{}", fill(columns, values)));
        let ran = app.hash(flags).await;
        assert_eq!((ran.code, ran.count("hashed")), (Some(0), 2500), "{schema} {ran:?}");
        ran.balances();
        let mut statement =
            "SELECT count(*) FROM users WHERE password LIKE '$argon2id$%'".to_owned();
        statement.push_str(" AND length(password) > 80");
        let hashed: i64 = app.open().query_row(&statement, [], |row| row.get(0)).unwrap();
        assert_eq!(hashed, 2500, "{schema}");
    }
}

#[tokio::test]
async fn a_database_of_utf_16_is_hashed_as_the_application_sends_its_passwords() {
    let app = App::new(
        "PRAGMA encoding = 'UTF-16le'; CREATE TABLE users (id INTEGER PRIMARY KEY, password TEXT COLLATE NOCASE);
         INSERT INTO users VALUES (1, 'pässword🔑'), (2, 'Secret')",
    );
    let ran = app.hash(&["--verify", "all"]).await;
    assert_eq!((ran.code, ran.count("verified")), (Some(0), 2), "{ran:?}");
    let texts = app.texts("password");
    let pairs = [("1", "pässword🔑"), ("2", "Secret")];
    let pairs = pairs.map(|(id, password)| (texts[id].clone(), password.as_bytes().to_vec()));
    let _ = verified_by_argon2_cffi(pairs).await;
}

#[tokio::test]
async fn a_row_that_cannot_be_written_is_named_and_the_others_are_written() {
    let app = App::new(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, password TEXT);
         INSERT INTO users VALUES (1, 'one'), (2, 'two'), (3, 'three');
         CREATE TRIGGER guard BEFORE UPDATE ON users WHEN old.id = 2
         BEGIN SELECT RAISE(ABORT, 'not two'); END",
    );
    let ran = app.hash(&[]).await;
    assert_eq!((ran.code, ran.count("hashed"), ran.count("failed")), (Some(1), 2, 1), "{ran:?}");
    ran.balances();
    assert!(ran.stderr.contains("the row with the key 2 is left unchanged"), "{}", ran.stderr);
    assert!(ran.stderr.contains("the trigger `guard` may run"), "{}", ran.stderr);
    assert_eq!(app.texts("password")["2"], "two");
}

#[tokio::test]
async fn where_no_row_can_be_written_it_ends_after_the_first_hundred() {
    let app = App::of(1_000);
    let guard =
        "CREATE TRIGGER guard BEFORE UPDATE ON users BEGIN SELECT RAISE(ABORT, 'never'); END";
    app.open().execute_batch(guard).unwrap();
    let ran = app.hash(&[]).await;
    assert_eq!((ran.code, ran.count("hashed"), ran.count("failed")), (Some(1), 0, 100), "{ran:?}");
    ran.balances();
    assert!(ran.stderr.contains("none of the first 100 rows could be hashed"), "{}", ran.stderr);
}

#[tokio::test]
async fn a_dry_run_changes_no_byte() {
    let app = App::new(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, password TEXT); INSERT INTO users VALUES (1, 'one')",
    );
    let before = std::fs::read(app.path()).unwrap();
    let ran = app.run(&["--dry-run"]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("1  plaintext: to be hashed"), "{}", ran.stdout);
    assert!(ran.stdout.contains("hashes a second with"), "{}", ran.stdout);
    assert_eq!(std::fs::read(app.path()).unwrap(), before);
}
