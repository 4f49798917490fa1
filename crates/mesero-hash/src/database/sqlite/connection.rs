//! The connection to an SQLite file. All methods block.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params_from_iter};

use super::{catalog, error};
use crate::database::contract::{RowChange, WriteOutcome};
use crate::database::error::DatabaseError;
use crate::database::location::{DatabaseLocation, TableSelection};
use crate::database::sqlite::statements::{BoundValue, SqliteStatements, read, read_key};
use crate::database::table::PasswordTable;
use crate::rows::key::RowKey;
use crate::rows::page::{PageLimits, RowPage};
use crate::rows::row::{Row, StoredValue, ValueForm};

/// One connection, and the statements for one table.
pub(super) struct SqliteConnection {
    pub(super) connection: Connection,
    pub(super) statements: SqliteStatements,
    /// Number of columns of the key.
    key_width: usize,
    target: HashColumn,
}

/// Column of the hashes.
#[derive(Clone, Copy)]
struct HashColumn {
    /// A column of bytes, independent of the plaintext's form.
    is_bytes: bool,
    /// Another column than that of the plaintext.
    is_other: bool,
}

/// Maximum wait of SQLite itself for a lock, before the request is retried.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

impl SqliteConnection {
    /// Opens the file and finds the table in it.
    ///
    /// # Errors
    /// If the file does not exist or cannot be used, or a name does not exist.
    pub(super) fn open(
        location: &DatabaseLocation,
        selection: &TableSelection,
    ) -> Result<(Self, PasswordTable), DatabaseError> {
        let path = Path::new(&location.database);
        let shown = path.display();
        if !path.is_file() {
            return Err(DatabaseError::usage(format!("open `{shown}`: there is no such file")));
        }
        let access = if location.read_only {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        } else {
            OpenFlags::SQLITE_OPEN_READ_WRITE
        };
        // Without URIs: every path is taken literally.
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)
            .map_err(error::of(format!("open `{shown}`")))?;
        connection.busy_timeout(LOCK_TIMEOUT).map_err(error::of("set a timeout"))?;
        // The first query reads the file.
        let version = connection.query_row("PRAGMA schema_version", [], |row| row.get::<_, i64>(0));
        version.map_err(error::of(format!("open `{shown}`")))?;
        let (table, names) = catalog::look_up(&connection, path, selection)?;
        let is_read_only = connection.is_readonly("main").map_err(error::of("examine the file"))?;
        if is_read_only && !location.read_only {
            return Err(DatabaseError::usage(format!(
                "write to `{shown}`: it is read-only for this user; `--dry-run` only reads"
            )));
        }
        let target = table.target();
        let session = Self {
            connection,
            statements: SqliteStatements::of(&names),
            key_width: names.key.len(),
            target: HashColumn {
                is_bytes: target.type_name.to_ascii_uppercase().contains("BLOB"),
                is_other: table.into.is_some(),
            },
        };
        Ok((session, table))
    }

    /// Reads the rows that follow `after`.
    pub(super) fn page(
        &self,
        after: Option<&RowKey>,
        limits: PageLimits,
    ) -> Result<RowPage, DatabaseError> {
        let text = match after {
            None => &self.statements.first_page,
            Some(_) => &self.statements.next_page,
        };
        let after = after.map_or(&[][..], |key| &key.0);
        let limit = i64::try_from(limits.rows).unwrap_or(i64::MAX);
        let bound = after.iter().map(BoundValue::key).chain([BoundValue(ValueRef::Integer(limit))]);
        let reading = || {
            let mut statement = self.connection.prepare(text)?;
            let mut found = statement.query(params_from_iter(bound))?;
            let mut page = RowPage::new(limits);
            while page.has_room()
                && let Some(row) = found.next()?
            {
                match self.row(row)? {
                    Some(row) => page.add(row),
                    None => page.skip(),
                }
            }
            Ok(page)
        };
        reading().map_err(error::of("read rows"))
    }

    /// Reads a row; `None` if its key contains NULL, by which it could not be found again.
    fn row(&self, row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Row>> {
        let mut key = Vec::with_capacity(self.key_width);
        for column in 0..self.key_width {
            match read_key(row.get_ref(column)?) {
                Some(value) => key.push(value),
                None => return Ok(None),
            }
        }
        let value = self.read(row.get_ref(self.key_width)?)?;
        let into =
            if self.target.is_other { self.read(row.get_ref(self.key_width + 1)?)? } else { None };
        Ok(Some(Row { key: RowKey(key), value, into }))
    }

    fn read(&self, value: ValueRef<'_>) -> rusqlite::Result<Option<StoredValue>> {
        read(value, |number| {
            self.connection.query_row("SELECT CAST(?1 AS TEXT)", [number], |row| row.get(0))
        })
    }

    /// Makes SQLite overwrite deleted values.
    pub(super) fn prepare_writes(&self) -> Result<(), DatabaseError> {
        let set = self.connection.query_row("PRAGMA secure_delete = ON", [], |row| row.get(0));
        match set.map_err(error::of("turn on secure_delete"))? {
            1i64 => Ok(()),
            _ => Err(DatabaseError::usage("turn on secure_delete: SQLite did not")),
        }
    }

    /// Writes each change whose row is unchanged, all in one transaction, which is rolled back after an
    /// error.
    pub(super) fn write(
        &mut self,
        changes: &[RowChange],
    ) -> Result<Vec<WriteOutcome>, DatabaseError> {
        // IMMEDIATE: a transaction that waits for the lock has not read yet, so no deadlock is possible.
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(error::of("begin to write"))?;
        let mut outcomes = Vec::with_capacity(changes.len());
        let mut write = || {
            let mut update = transaction.prepare(&self.statements.update)?;
            let mut stored = transaction.prepare(&self.statements.stored)?;
            for change in changes {
                let bound = update_parameters(change, self.target);
                if update.execute(params_from_iter(bound))? > 0 {
                    outcomes.push(WriteOutcome::Written);
                    continue;
                }
                let key = params_from_iter(change.row.key.0.iter().map(BoundValue::key));
                let is_ours = |row: &rusqlite::Row<'_>| {
                    Ok(match row.get_ref(0)? {
                        ValueRef::Text(stored) | ValueRef::Blob(stored) => {
                            stored == change.hash.reveal()
                        }
                        _ => false,
                    })
                };
                outcomes.push(match stored.query_row(key, is_ours).optional()? {
                    None => WriteOutcome::Deleted,
                    Some(false) => WriteOutcome::Changed,
                    Some(true) => WriteOutcome::Written,
                });
            }
            Ok(())
        };
        write().map_err(error::of("write rows"))?;
        transaction.commit().map_err(error::of("write rows"))?;
        Ok(outcomes)
    }

    /// Reads the column of the hashes of these rows, in the order of `keys`.
    pub(super) fn read_back(
        &self,
        keys: &[RowKey],
    ) -> Result<Vec<Option<StoredValue>>, DatabaseError> {
        let reading = || {
            let mut stored = self.connection.prepare(&self.statements.stored)?;
            keys.iter()
                .map(|key| {
                    let key = params_from_iter(key.0.iter().map(BoundValue::key));
                    let value = stored.query_row(key, |row| self.read(row.get_ref(0)?)).optional();
                    value.map(Option::flatten)
                })
                .collect::<Result<Vec<_>, _>>()
        };
        reading().map_err(error::of("read rows back"))
    }
}

/// The parameters of an update, in their order.
fn update_parameters(
    change: &RowChange,
    target: HashColumn,
) -> impl Iterator<Item = BoundValue<'_>> {
    let Row { key, value, into } = &*change.row;
    // In the form of the plaintext: an application that reads bytes still reads bytes.
    let was_bytes =
        !target.is_other && value.as_ref().is_some_and(|value| value.form == ValueForm::Bytes);
    let hash = if target.is_bytes || was_bytes {
        ValueRef::Blob(change.hash.reveal())
    } else {
        ValueRef::Text(change.hash.reveal())
    };
    let into = target.is_other.then(|| BoundValue::old_value(into.as_ref())).into_iter().flatten();
    [BoundValue(hash)]
        .into_iter()
        .chain(BoundValue::old_value(value.as_ref()))
        .chain(into)
        .chain(key.0.iter().map(BoundValue::key))
}
