//! The key of a table: columns that identify a row.

use std::collections::BTreeSet;

use mesero_terminal::nearest::listed;
use rusqlite::Connection;

use crate::database::error::DatabaseError;
use crate::database::sqlite::catalog::column::SqliteColumns;
use crate::database::sqlite::error;
use crate::database::sqlite::statements::quoted;

/// Names of the number that SQLite gives to each row.
const ROWID: [&str; 3] = ["rowid", "oid", "_rowid_"];

/// The columns of the key: the selected ones, or the primary key if none are selected.
///
/// # Errors
/// If there is no primary key, a name does not exist, or the selected columns are not unique.
pub(super) fn find_key(
    connection: &Connection,
    columns: &SqliteColumns<'_>,
    selected: &[String],
) -> Result<Vec<String>, DatabaseError> {
    let table = columns.table;
    let has_rowid = || {
        let query = format!("SELECT rowid FROM {} LIMIT 0", quoted(table));
        let prepared = connection.prepare(&query);
        !prepared.is_err_and(|error| error.to_string().contains("no such column"))
    };
    let mut primary: Vec<_> =
        columns.all.iter().filter(|column| column.position_in_key > 0).collect();
    primary.sort_by_key(|column| column.position_in_key);
    let primary: Vec<String> = primary.into_iter().map(|column| column.name.clone()).collect();
    if selected.is_empty() {
        if primary.is_empty() {
            let hint = if has_rowid() { ", or add `--key rowid`" } else { "" };
            return Err(DatabaseError::usage(format!(
                "identify rows of `{table}`: it has no primary key; name the columns of a unique key by `--key`{hint}"
            )));
        }
        return Ok(primary);
    }
    let mut key = Vec::with_capacity(selected.len());
    for name in selected {
        match columns.find(name) {
            Ok(column) => key.push(column.name.clone()),
            Err(_) if ROWID.contains(&name.to_ascii_lowercase().as_str()) && has_rowid() => {
                return Ok(vec![name.to_ascii_lowercase()]);
            }
            Err(error) => return Err(error),
        }
    }
    let mut unique = unique(connection, table).map_err(error::of("read the schema"))?;
    // An INTEGER PRIMARY KEY has no index.
    unique.push(primary.into_iter().collect());
    let is_unique = unique
        .iter()
        .any(|columns| !columns.is_empty() && columns.iter().all(|column| key.contains(column)));
    if is_unique {
        return Ok(key);
    }
    Err(DatabaseError::usage(format!(
        "identify rows of `{table}` by {}: no unique index covers these columns, so two rows could have the same key",
        listed(key.iter().map(String::as_str))
    )))
}

/// The columns of each unique index that covers all rows with the columns' own collation.
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
