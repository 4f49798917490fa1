//! What the schema says of the table: names, the key, and what a person should know.

use std::path::Path;

use rusqlite::Connection;

use crate::database::error::DatabaseError;
use crate::database::location::TableSelection;
use crate::database::sqlite::error;
use crate::database::sqlite::statements::quoted;
use crate::database::table::{PasswordTable, TableColumn};

mod advisories;
mod column;
mod found;
mod key;

use advisories::advisories;
use column::{SqliteColumn, columns, unknown};
use found::SchemaNames;
use key::key;

pub(super) fn look_up(
    connection: &Connection,
    path: &Path,
    wanted: &TableSelection,
) -> Result<(PasswordTable, SchemaNames), DatabaseError> {
    let table = table(connection, &wanted.table)?;
    let columns = columns(connection, &table)?;
    let find = |name: &str| {
        let found = columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            let names = || columns.iter().map(|column| column.name.as_str());
            unknown(&format!("a column `{name}` in `{table}`"), name, names)
        })
    };
    let column = find(&wanted.column)?;
    let into = wanted.into.as_deref().map(find).transpose()?;
    if into.is_some_and(|into| into.name == column.name) {
        return Err(DatabaseError::usage(format!(
            "write into `{}`: that is the column of the plaintext; leave `--into` out to hash in place",
            column.name
        )));
    }
    if let Some(computed) =
        [Some(column), into].into_iter().flatten().find(|column| column.hidden != 0)
    {
        return Err(DatabaseError::usage(format!(
            "write into `{}`: its values are computed",
            computed.name
        )));
    }
    let has_rowid = !connection
        .prepare(&format!("SELECT rowid FROM {} LIMIT 0", quoted(&table)))
        .is_err_and(|error| error.to_string().contains("no such column"));
    let key = key(connection, (&table, has_rowid), (&columns, &wanted.key))?;
    if let Some(both) = key
        .iter()
        .find(|name| **name == column.name || into.is_some_and(|into| **name == into.name))
    {
        return Err(DatabaseError::usage(format!(
            "use `{both}` as a key: it is written to; name another by `--key`"
        )));
    }
    let found = SchemaNames {
        table: table.clone(),
        key: key.clone(),
        column: column.name.clone(),
        into: into.map(|into| into.name.clone()),
    };
    let advisories = advisories(connection, path, &found)?;
    let rows: i64 = connection
        .query_row(&format!("SELECT count(*) FROM {}", quoted(&table)), [], |row| row.get(0))
        .map_err(error::of("count rows"))?;
    let described = |column: &SqliteColumn| TableColumn {
        name: column.name.clone(),
        type_name: column.type_name.clone(),
        // SQLite holds what it is given, whatever VARCHAR(n) says.
        width: None,
        nullable: !column.not_null,
    };
    let of_key = |name: &String| match columns.iter().find(|column| column.name == *name) {
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
    Ok((PasswordTable { name: table.clone(), key, column, into, rows, advisories }, found))
}

fn table(connection: &Connection, wanted: &str) -> Result<String, DatabaseError> {
    let all = "SELECT name, type, coalesce(sql, '') FROM sqlite_schema WHERE type IN ('table', 'view') \
               AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let read = || {
        let mut statement = connection.prepare(all)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.collect::<Result<Vec<(String, String, String)>, _>>()
    };
    let tables = read().map_err(error::of("read the schema"))?;
    let found = tables.iter().find(|(name, ..)| name.eq_ignore_ascii_case(wanted));
    let Some((name, kind, sql)) = found else {
        let names = || tables.iter().map(|(name, ..)| name.as_str());
        return Err(unknown(&format!("a table `{wanted}`"), wanted, names));
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
