//! Columns of a table, and names that do not exist.

use mesero_terminal::nearest::{listed, nearest};
use rusqlite::Connection;

use crate::database::error::DatabaseError;
use crate::database::sqlite::error;

/// A column of the table, from `table_xinfo`.
#[derive(Debug)]
pub(crate) struct SqliteColumn {
    pub(crate) name: String,
    pub(crate) type_name: String,
    pub(crate) nullable: bool,
    /// Its position in the primary key, from 1; 0 for other columns.
    pub(crate) position_in_key: i64,
    /// A generated or hidden column.
    pub(crate) is_computed: bool,
}

/// All columns of one table.
#[derive(Debug)]
pub(crate) struct SqliteColumns<'a> {
    pub(crate) table: &'a str,
    pub(crate) all: Vec<SqliteColumn>,
}

impl<'a> SqliteColumns<'a> {
    /// Reads the columns from the schema.
    pub(crate) fn read(connection: &Connection, table: &'a str) -> Result<Self, DatabaseError> {
        let text = "SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(?1)";
        let read = || {
            let mut statement = connection.prepare(text)?;
            let rows = statement.query_map([table], |row| {
                Ok(SqliteColumn {
                    name: row.get(0)?,
                    type_name: row.get(1)?,
                    nullable: !row.get::<_, bool>(2)?,
                    position_in_key: row.get(3)?,
                    is_computed: row.get::<_, i64>(4)? != 0,
                })
            })?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        Ok(Self { table, all: read().map_err(error::of("read the schema"))? })
    }

    /// Finds a column by its name in any case.
    ///
    /// # Errors
    /// If there is none; the message has the nearest name.
    pub(crate) fn find(&self, name: &str) -> Result<&SqliteColumn, DatabaseError> {
        let found = self.all.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            let names = || self.all.iter().map(|column| column.name.as_str());
            unknown(&format!("the column `{name}` in `{}`", self.table), name, names)
        })
    }
}

/// The error for a name that does not exist, with the nearest name.
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
