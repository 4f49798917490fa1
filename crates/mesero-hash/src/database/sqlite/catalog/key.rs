//! By which columns a row of a table is found again: a key that is unique.

use std::collections::BTreeSet;

use mesero_terminal::nearest::listed;
use rusqlite::Connection;

use crate::database::error::DatabaseError;
use crate::database::sqlite::catalog::column::{SqliteColumn, unknown};
use crate::database::sqlite::error;

/// What a row is found by where nothing else is named.
const ROWID: [&str; 3] = ["rowid", "oid", "_rowid_"];

/// The columns of the key, which is unique, so that a row is found again by it and by nothing else.
pub(super) fn key(
    connection: &Connection,
    (table, has_rowid): (&str, bool),
    (columns, wanted): (&[SqliteColumn], &[String]),
) -> Result<Vec<String>, DatabaseError> {
    if wanted.is_empty() {
        let mut key: Vec<_> = columns.iter().filter(|column| column.in_key > 0).collect();
        key.sort_by_key(|column| column.in_key);
        if key.is_empty() {
            let hint = if has_rowid { ", or give `--key rowid`" } else { "" };
            return Err(DatabaseError::usage(format!(
                "find rows of `{table}` again: it has no primary key; name the columns of a unique key by `--key`{hint}"
            )));
        }
        return Ok(key.into_iter().map(|column| column.name.clone()).collect());
    }
    let mut key = Vec::with_capacity(wanted.len());
    for name in wanted {
        if let Some(column) = columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)) {
            key.push(column.name.clone());
        } else if has_rowid && ROWID.contains(&name.to_ascii_lowercase().as_str()) {
            return Ok(vec![name.to_ascii_lowercase()]);
        } else {
            let names = || columns.iter().map(|column| column.name.as_str());
            return Err(unknown(&format!("a column `{name}` in `{table}`"), name, names));
        }
    }
    let primary: BTreeSet<_> = columns
        .iter()
        .filter(|column| column.in_key > 0)
        .map(|column| column.name.clone())
        .collect();
    let mut unique = unique(connection, table).map_err(error::of("read the schema"))?;
    // An INTEGER PRIMARY KEY has no index.
    unique.push(primary);
    let is_unique = unique
        .iter()
        .any(|columns| !columns.is_empty() && columns.iter().all(|column| key.contains(column)));
    if is_unique {
        return Ok(key);
    }
    Err(DatabaseError::usage(format!(
        "find rows of `{table}` by {}: no unique index covers that, so two rows might be taken for one",
        listed(key.iter().map(String::as_str))
    )))
}

/// The columns of each unique index that holds for all rows, and whose collation is its columns' own.
fn unique(connection: &Connection, table: &str) -> rusqlite::Result<Vec<BTreeSet<String>>> {
    let text = "SELECT name FROM pragma_index_list(?1) WHERE \"unique\" AND NOT partial";
    let mut statement = connection.prepare(text)?;
    let indexes: Vec<String> =
        statement.query_map([table], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut unique = Vec::new();
    for index in indexes {
        let text = "SELECT name, coll FROM pragma_index_xinfo(?1) WHERE key";
        let mut statement = connection.prepare(text)?;
        let columns: Vec<(Option<String>, String)> = statement
            .query_map([&index], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let mut names = BTreeSet::new();
        let mut is_plain = true;
        for (name, collation) in columns {
            // An expression has no name.
            let Some(name) = name else {
                is_plain = false;
                break;
            };
            let (_, own, ..) = connection.column_metadata(Some("main"), table, name.as_str())?;
            let own = own.map(|own| own.to_string_lossy().into_owned());
            is_plain &= own.unwrap_or_else(|| "BINARY".to_owned()).eq_ignore_ascii_case(&collation);
            names.insert(name);
        }
        if is_plain {
            unique.push(names);
        }
    }
    Ok(unique)
}
