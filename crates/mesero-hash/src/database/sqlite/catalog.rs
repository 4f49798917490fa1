//! The table in the schema of an SQLite file.

use std::path::Path;

use rusqlite::Connection;

use crate::database::error::DatabaseError;
use crate::database::location::TableSelection;
use crate::database::sqlite::error;
use crate::database::sqlite::statements::{SchemaNames, quoted};
use crate::database::table::{PasswordTable, TableColumn};

mod advisories;
mod column;
mod key;

use self::advisories::examine;
use self::column::{SqliteColumn, SqliteColumns};
use self::key::find_key;

/// Looks up the table, its columns and its key.
///
/// # Errors
/// If a name does not exist, or the table cannot be hashed.
pub(super) fn look_up(
    connection: &Connection,
    path: &Path,
    selection: &TableSelection,
) -> Result<(PasswordTable, SchemaNames), DatabaseError> {
    let table = find_table(connection, &selection.table)?;
    let columns = SqliteColumns::read(connection, &table)?;
    let column = columns.find(&selection.column)?;
    let into = selection.into.as_deref().map(|name| columns.find(name)).transpose()?;
    if into.is_some_and(|into| into.name == column.name) {
        return Err(DatabaseError::usage(format!(
            "write into `{}`: that is the column of the plaintext; leave `--into` out to hash in place",
            column.name
        )));
    }
    let mut written = [Some(column), into].into_iter().flatten();
    if let Some(computed) = written.find(|column| column.is_computed) {
        return Err(DatabaseError::usage(format!(
            "write into `{}`: its values are computed",
            computed.name
        )));
    }
    let key = find_key(connection, &columns, &selection.key)?;
    if let Some(both) = key
        .iter()
        .find(|name| **name == column.name || into.is_some_and(|into| **name == into.name))
    {
        return Err(DatabaseError::usage(format!(
            "use `{both}` as a key: hashing changes it; name another unique key by `--key`"
        )));
    }
    let names = SchemaNames {
        table: table.clone(),
        key: key.clone(),
        column: column.name.clone(),
        into: into.map(|into| into.name.clone()),
    };
    let advisories = examine(connection, path, &names)?;
    let rows: i64 = connection
        .query_row(&format!("SELECT count(*) FROM {}", quoted(&table)), [], |row| row.get(0))
        .map_err(error::of("count rows"))?;
    let described = |column: &SqliteColumn| TableColumn {
        name: column.name.clone(),
        type_name: column.type_name.clone(),
        // SQLite enforces no length, even for VARCHAR(n).
        width: None,
        nullable: column.nullable,
    };
    let of_key = |name: &String| match columns.all.iter().find(|column| column.name == *name) {
        Some(column) => described(column),
        None => TableColumn {
            name: name.clone(),
            type_name: "INTEGER".to_owned(),
            width: None,
            nullable: false,
        },
    };
    let key = key.iter().map(of_key).collect();
    let rows = rows.unsigned_abs();
    let (column, into) = (described(column), into.map(described));
    Ok((PasswordTable { name: table.clone(), key, column, into, rows, advisories }, names))
}

/// Finds a table that can be written, by its name in any case.
fn find_table(connection: &Connection, selected: &str) -> Result<String, DatabaseError> {
    let all = "SELECT name, type, coalesce(sql, '') FROM sqlite_schema WHERE type IN ('table', 'view') \
               AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let read = || {
        let mut statement = connection.prepare(all)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.collect::<Result<Vec<(String, String, String)>, _>>()
    };
    let tables = read().map_err(error::of("read the schema"))?;
    let found = tables.iter().find(|(name, ..)| name.eq_ignore_ascii_case(selected));
    let Some((name, kind, sql)) = found else {
        let names = || tables.iter().map(|(name, ..)| name.as_str());
        return Err(column::unknown(&format!("the table `{selected}`"), selected, names));
    };
    if kind == "view" {
        return Err(DatabaseError::usage(format!(
            "write to `{name}`: it is a view; name the table behind it"
        )));
    }
    if sql.to_ascii_uppercase().starts_with("CREATE VIRTUAL") {
        return Err(DatabaseError::usage(format!("write to `{name}`: it is a virtual table")));
    }
    Ok(name.clone())
}
