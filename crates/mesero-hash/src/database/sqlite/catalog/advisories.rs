//! Advisories about a table in an SQLite file.

use std::path::Path;

use rusqlite::Connection;

use crate::database::disk::{free_space, size};
use crate::database::error::DatabaseError;
use crate::database::sqlite::error;
use crate::database::sqlite::statements::{SchemaNames, quoted};
use crate::database::table::Advisory;

/// Examines the table and everything around it that could copy or keep plaintext.
pub(super) fn examine(
    connection: &Connection,
    path: &Path,
    names: &SchemaNames,
) -> Result<Vec<Advisory>, DatabaseError> {
    let reading = |error| error::of("read the schema")(error);
    let mut advisories = Vec::new();
    advisories.extend(rows_without_key(connection, names).map_err(reading)?);
    advisories.extend(triggers(connection, names).map_err(reading)?);
    advisories.extend(journal(connection).map_err(reading)?);
    advisories.extend(space(path));
    Ok(advisories)
}

fn rows_without_key(
    connection: &Connection,
    names: &SchemaNames,
) -> rusqlite::Result<Option<Advisory>> {
    let nulls: Vec<_> = names.key.iter().map(|name| format!("{} IS NULL", quoted(name))).collect();
    let (table, nulls) = (quoted(&names.table), nulls.join(" OR "));
    let query = format!("SELECT count(*) FROM {table} WHERE {nulls}");
    let rows: i64 = connection.query_row(&query, [], |row| row.get(0))?;
    Ok((rows > 0).then(|| {
        Advisory::blocker(format!(
            "the key is NULL in {rows} of the rows, which therefore cannot be identified; set it, or use `--key rowid`"
        ))
    }))
}

fn triggers(connection: &Connection, names: &SchemaNames) -> rusqlite::Result<Vec<Advisory>> {
    let query = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND lower(tbl_name) = lower(?1) \
                 AND upper(sql) LIKE '%UPDATE%'";
    let mut statement = connection.prepare(query)?;
    let triggers = statement.query_map([&names.table], |row| row.get::<_, String>(0))?;
    let advisory = |trigger: rusqlite::Result<String>| {
        Ok(Advisory::warning(format!(
            "the trigger `{}` may run for every row that is written, and may copy its old value: check the code",
            trigger?
        )))
    };
    triggers.map(advisory).collect()
}

fn journal(connection: &Connection) -> rusqlite::Result<Option<Advisory>> {
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    Ok((mode != "wal").then(|| {
        Advisory::info(format!(
            "the journal mode is `{mode}`: readers wait for each short write, and each write waits for readers"
        ))
    }))
}

/// Disk space, if it can be determined: a rewrite needs the size of the file twice, for the copy and
/// for the log of the replaced pages.
fn space(path: &Path) -> Option<Advisory> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let free = free_space(folder.unwrap_or(Path::new(".")))?;
    let file = path.metadata().map(|file| file.len()).unwrap_or_default();
    let text = |rating: &str| {
        format!("the file has {}, and its disk has {} left: {rating}", size(file), size(free))
    };
    Some(if free < file / 10 {
        Advisory::warning(text("possibly too little to write all rows"))
    } else if free < file.saturating_mul(2) {
        Advisory::info(text("too little for `--vacuum`"))
    } else {
        Advisory::info(text("enough, also for `--vacuum`"))
    })
}
