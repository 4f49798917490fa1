//! What a person should know of a table before its first row is written.

use std::path::Path;

use rusqlite::Connection;

use crate::database::error::DatabaseError;
use crate::database::sqlite::catalog::found::SchemaNames;
use crate::database::sqlite::error;
use crate::database::sqlite::statements::quoted;
use crate::database::table::{Advisory, Severity};

/// What a person should know before the first write.
pub(super) fn advisories(
    connection: &Connection,
    path: &Path,
    found: &SchemaNames,
) -> Result<Vec<Advisory>, DatabaseError> {
    let schema = || error::of("read the schema");
    let table = quoted(&found.table);
    let mut advisories = Vec::new();
    let mut advisory = |severity, text: String| advisories.push(Advisory { severity, text });
    let nulls: Vec<_> = found.key.iter().map(|name| format!("{} IS NULL", quoted(name))).collect();
    let text = format!("SELECT count(*) FROM {table} WHERE {}", nulls.join(" OR "));
    let nulls: i64 = connection.query_row(&text, [], |row| row.get(0)).map_err(schema())?;
    if nulls > 0 {
        advisory(
            Severity::Blocker,
            format!(
                "in {nulls} of the rows the key is NULL, so nothing could find them again; give them one, or use `--key rowid`"
            ),
        );
    }
    let read = || {
        let text = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND lower(tbl_name) = lower(?1) \
                    AND upper(sql) LIKE '%UPDATE%'";
        let mut statement = connection.prepare(text)?;
        let names = statement.query_map([&found.table], |row| row.get(0))?;
        names.collect::<Result<Vec<String>, _>>()
    };
    for trigger in read().map_err(schema())? {
        advisory(
            Severity::Warning,
            format!(
                "the trigger `{trigger}` may run for every row that is written, and may keep its old value elsewhere"
            ),
        );
    }
    let mode: String =
        connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).map_err(schema())?;
    if mode != "wal" {
        advisory(
            Severity::Info,
            format!(
                "the journal mode is `{mode}`: whoever reads waits for each short write, and each write for readers"
            ),
        );
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(space) = rustix::fs::statvfs(folder.unwrap_or(Path::new("."))) {
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        let size = path.metadata().map(|file| file.len()).unwrap_or_default();
        // A rewrite needs as much again twice over: a copy, and the log of what it replaces.
        let (severity, what) = match size {
            size if free < size / 10 => {
                (Severity::Warning, "too little to be sure that all can be written")
            }
            size if free < size.saturating_mul(2) => (Severity::Info, "too little for `--vacuum`"),
            _ => (Severity::Info, "enough, also for `--vacuum`"),
        };
        advisory(
            severity,
            format!(
                "the file has {} and {} of its disk are free: {what}",
                in_words(size),
                in_words(free)
            ),
        );
    }
    Ok(advisories)
}

fn in_words(bytes: u64) -> String {
    match bytes {
        1_000_000_000.. => format!("{:.1} GB", bytes as f64 / 1e9),
        1_000_000.. => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.0} kB", bytes as f64 / 1e3),
    }
}
