//! The connection itself: pages, writes, and reading back. All of it blocks.

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
    /// How many columns the key has.
    width: usize,
    target: HashColumn,
}

/// Where hashes go.
#[derive(Clone, Copy)]
struct HashColumn {
    /// A column of bytes, whatever the plaintext is.
    is_bytes: bool,
    /// Another column than the plaintext's.
    is_other: bool,
}

/// How long SQLite itself waits for a lock, before it is said and tried again.
const LOCK: Duration = Duration::from_secs(1);

impl SqliteConnection {
    pub(super) fn open(
        location: &DatabaseLocation,
        wanted: &TableSelection,
    ) -> Result<(Self, PasswordTable), DatabaseError> {
        let path = Path::new(&location.database);
        let shown = path.display();
        if !path.is_file() {
            return Err(DatabaseError::usage(format!("open `{shown}`: there is no such file")));
        }
        let access = match location.read_only {
            true => OpenFlags::SQLITE_OPEN_READ_ONLY,
            false => OpenFlags::SQLITE_OPEN_READ_WRITE,
        };
        // Never by a URI, so that a path means what it says.
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)
            .map_err(error::of(format!("open `{shown}`")))?;
        connection.busy_timeout(LOCK).map_err(error::of("set a timeout"))?;
        // Only now the file is read.
        let version = connection.query_row("PRAGMA schema_version", [], |row| row.get::<_, i64>(0));
        version.map_err(error::of(format!("open `{shown}`")))?;
        let (table, names) = catalog::look_up(&connection, path, wanted)?;
        let is_read_only = connection.is_readonly("main").map_err(error::of("look at the file"))?;
        if is_read_only && !location.read_only {
            return Err(DatabaseError::usage(format!(
                "write to `{shown}`: it may only be read by this user; `--dry-run` only reads"
            )));
        }
        let target = table.target();
        let session = Self {
            connection,
            statements: SqliteStatements::of(&names.borrowed()),
            width: names.key.len(),
            target: HashColumn {
                is_bytes: target.type_name.to_ascii_uppercase().contains("BLOB"),
                is_other: table.into.is_some(),
            },
        };
        Ok((session, table))
    }

    pub(super) fn page(
        &self,
        after: Option<&RowKey>,
        size: PageLimits,
    ) -> Result<RowPage, DatabaseError> {
        let text = match after {
            None => &self.statements.first_page,
            Some(_) => &self.statements.next_page,
        };
        let after = after.map_or(&[][..], |key| &key.0);
        let limit = i64::try_from(size.rows).unwrap_or(i64::MAX);
        let bound = after.iter().map(BoundValue::key).chain([BoundValue(ValueRef::Integer(limit))]);
        let reading = || {
            let mut statement = self.connection.prepare(text)?;
            let mut found = statement.query(params_from_iter(bound))?;
            let mut page = RowPage::new(size);
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

    /// None for a row whose key has a NULL, which could not be found again.
    fn row(&self, row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Row>> {
        let mut key = Vec::with_capacity(self.width);
        for column in 0..self.width {
            match read_key(row.get_ref(column)?) {
                Some(value) => key.push(value),
                None => return Ok(None),
            }
        }
        let value = self.read(row.get_ref(self.width)?)?;
        let into = match self.target.is_other {
            true => self.read(row.get_ref(self.width + 1)?)?,
            false => None,
        };
        Ok(Some(Row { key: RowKey(key), value, into }))
    }

    fn read(&self, value: ValueRef<'_>) -> rusqlite::Result<Option<StoredValue>> {
        read(value, |number| {
            self.connection.query_row("SELECT CAST(?1 AS TEXT)", [number], |row| row.get(0))
        })
    }

    pub(super) fn begin(&self) -> Result<(), DatabaseError> {
        let set = self.connection.query_row("PRAGMA secure_delete = ON", [], |row| row.get(0));
        match set.map_err(error::of("turn on secure_delete"))? {
            1i64 => Ok(()),
            _ => Err(DatabaseError::usage("turn on secure_delete: SQLite did not")),
        }
    }

    pub(super) fn write(
        &mut self,
        changes: &[RowChange],
    ) -> Result<Vec<WriteOutcome>, DatabaseError> {
        // IMMEDIATE: who waits for the lock has not read yet, so nobody deadlocks.
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(error::of("begin to write"))?;
        let mut outcomes = Vec::with_capacity(changes.len());
        let mut write = || {
            let mut update = transaction.prepare(&self.statements.update)?;
            let mut stored = transaction.prepare(&self.statements.stored)?;
            for change in changes {
                let bound = bound(change, self.target);
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

/// The parameters of an update.
fn bound(change: &RowChange, target: HashColumn) -> impl Iterator<Item = BoundValue<'_>> {
    let Row { key, value, into } = &*change.row;
    // As the plaintext was, so that who reads bytes goes on reading bytes.
    let was_bytes =
        !target.is_other && value.as_ref().is_some_and(|value| value.form == ValueForm::Bytes);
    let hash = match target.is_bytes || was_bytes {
        true => ValueRef::Blob(change.hash.reveal()),
        false => ValueRef::Text(change.hash.reveal()),
    };
    let into = target.is_other.then(|| BoundValue::old(into.as_ref())).into_iter().flatten();
    [BoundValue(hash)]
        .into_iter()
        .chain(BoundValue::old(value.as_ref()))
        .chain(into)
        .chain(key.0.iter().map(BoundValue::key))
}
