//! Errors before the first write, with messages that say what to do.

use super::App;

async fn refused(schema: &str, arguments: &[&str], wanted: &str) {
    let app = App::new(schema);
    let before = std::fs::read(app.path()).unwrap();
    let ran = app.run(arguments).await;
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains(wanted), "{wanted}: {}", ran.stderr);
    assert_eq!(std::fs::read(app.path()).unwrap(), before);
}

const TABLE: &str =
    "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, password TEXT, hash TEXT);
                     INSERT INTO users VALUES (1, 'ann', 'secret', NULL)";

#[tokio::test]
async fn a_name_that_is_not_there_is_answered_with_the_nearest() {
    let flag = |flag, value| refused(TABLE, flag, value);
    flag(&["--into", "hsah"], "did you mean `hash`?").await;
    flag(&["--key", "nmae"], "did you mean `name`?").await;
    refused("CREATE TABLE user (id INTEGER PRIMARY KEY, password)", &[], "did you mean `user`?")
        .await;
    refused(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, pasword)",
        &[],
        "failed to find the column `password` in `users`; did you mean `pasword`?",
    )
    .await;
}

#[tokio::test]
async fn a_table_whose_rows_cannot_be_found_again_is_refused() {
    let hint =
        "it has no primary key; name the columns of a unique key by `--key`, or add `--key rowid`";
    refused("CREATE TABLE users (name, password)", &[], hint).await;
    refused(TABLE, &["--key", "name"], "no unique index covers these columns").await;
    refused(
        "CREATE TABLE users (id INT, password); CREATE UNIQUE INDEX some ON users (id) WHERE id > 1",
        &["--key", "id"],
        "no unique index covers these columns",
    )
    .await;
    refused(
        "CREATE TABLE users (id TEXT PRIMARY KEY, password); INSERT INTO users VALUES (NULL, 'secret')",
        &[],
        "the key is NULL in 1 of the rows",
    )
    .await;
}

#[tokio::test]
async fn a_column_that_cannot_be_written_is_refused() {
    refused("CREATE VIEW users AS SELECT 1 AS id, 'secret' AS password", &[], "it is a view").await;
    refused(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, other, password AS (other || 'x') STORED)",
        &[],
        "its values are computed",
    )
    .await;
    refused(TABLE, &["--into", "password"], "leave `--into` out to hash in place").await;
    refused(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, password TEXT NOT NULL, hash TEXT);
         INSERT INTO users VALUES (1, 'secret', NULL)",
        &["--into", "hash"],
        "`password` may not be NULL",
    )
    .await;
}

#[tokio::test]
async fn parameters_that_are_too_weak_or_wrong_are_refused() {
    let weak = "failed to hash with m=8,t=1,p=1: that is weaker than OWASP's minimum";
    refused(TABLE, &["--argon2", "m=8,t=1,p=1"], weak).await;
    refused(TABLE, &["--argon2", "m=8"], "use parameters such as m=19456,t=2,p=1").await;
    refused(TABLE, &["--calibrate", "fast"], "use a duration such as 250ms").await;
    refused(TABLE, &["--verify", "some"], "use `all`, `none` or a share such as `sample=1%`").await;
    refused(
        TABLE,
        &["--pepper-file", "none", "--pepper-id", "1"],
        "failed to read the pepper in `none`",
    )
    .await;
    refused(TABLE, &["--password-file", "none"], "an SQLite file has no password").await;
}

#[tokio::test]
async fn a_file_that_is_none_is_refused() {
    let app = App::new(TABLE);
    std::fs::write(
        app.path(),
        "no database at all, but long enough to have a header of a hundred bytes, ".repeat(9),
    )
    .unwrap();
    let ran = app.run(&[]).await;
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let text = "failed to open `app.db`: file is not a database";
    assert!(ran.stderr.contains(text), "{}", ran.stderr);
    std::fs::remove_file(app.path()).unwrap();
    let ran = app.run(&[]).await;
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        ran.stderr.contains("failed to open `app.db`: there is no such file"),
        "{}",
        ran.stderr
    );
    assert!(!app.path().exists());
}

#[tokio::test]
async fn a_table_without_rows_is_nothing_to_do() {
    let app = App::of(0);
    let ran = app.run(&[]).await;
    assert_eq!(ran.code, Some(4), "{ran:?}");
}
