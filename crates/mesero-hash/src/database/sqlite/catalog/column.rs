//! Columns of a table, and names that are not there.

use mesero_terminal::nearest::{listed, nearest};
use rusqlite::Connection;

use crate::database::error::DatabaseError;
use crate::database::sqlite::error;

/// A column of the table, as `table_xinfo` has it.
pub(crate) struct SqliteColumn {
    pub(crate) name: String,
    pub(crate) type_name: String,
    pub(crate) not_null: bool,
    /// Its place in the primary key, from 1; 0 if it is not in it.
    pub(crate) in_key: i64,
    /// Not 0 for what is computed or hidden.
    pub(crate) hidden: i64,
}

pub(crate) fn columns(
    connection: &Connection,
    table: &str,
) -> Result<Vec<SqliteColumn>, DatabaseError> {
    let text = "SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(?1)";
    let read = || {
        let mut statement = connection.prepare(text)?;
        let rows = statement.query_map([table], |row| {
            Ok(SqliteColumn {
                name: row.get(0)?,
                type_name: row.get(1)?,
                not_null: row.get(2)?,
                in_key: row.get(3)?,
                hidden: row.get(4)?,
            })
        })?;
        rows.collect::<Result<Vec<_>, _>>()
    };
    read().map_err(error::of("read the schema"))
}

pub(crate) fn unknown<'a, I: Iterator<Item = &'a str>>(
    what: &str,
    name: &str,
    known: impl Fn() -> I,
) -> DatabaseError {
    DatabaseError::usage(match nearest(name, known()) {
        Some(nearest) => format!("find {what}; did you mean `{nearest}`?"),
        None => format!("find {what}; there are {}", listed(known())),
    })
}
