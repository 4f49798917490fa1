//! The contract of a database: read a table in pages, and write each row only if it is unchanged.

use std::fmt;
use std::sync::Arc;

use futures_core::future::BoxFuture;

use crate::database::error::DatabaseError;
use crate::database::residue::Residue;
use crate::database::table::PasswordTable;
use crate::rows::key::RowKey;
use crate::rows::page::{PageLimits, RowPage};
use crate::rows::row::{Row, StoredValue};
use crate::secret::SecretBytes;

/// An open database and the selected table in it.
///
/// One call runs at a time. A call whose future is dropped has either taken full effect or none, and
/// the next call finds a usable connection. After a retryable error the same call may be repeated:
/// the implementation connects again, or fails again.
///
/// No method leaves a transaction open or a lock of the database held when it returns.
pub(crate) trait Database: Send {
    /// Reads the rows that follow `after` in the order of the key, until the page is full or the
    /// table ends. A pass can miss rows that are inserted while it runs.
    fn page<'a>(
        &'a mut self,
        after: Option<&'a RowKey>,
        limits: PageLimits,
    ) -> DatabaseFuture<'a, RowPage>;

    /// Prepares the session for writes, once, before the first one: settings that leave fewer old
    /// values behind.
    fn prepare_writes(&mut self) -> DatabaseFuture<'_, ()>;

    /// Writes `changes` in one short transaction, each only if its row has, byte for byte, the values
    /// that were read. Returns their outcomes in the same order.
    ///
    /// # Errors
    /// No row is written then, unless the connection was lost: in that case the transaction may have
    /// been committed, and a repeated call finds out (a row that contains the hash of its change
    /// counts as written).
    fn write<'a>(
        &'a mut self,
        changes: &'a Arc<[RowChange]>,
    ) -> DatabaseFuture<'a, Vec<WriteOutcome>>;

    /// Reads the column of the hashes of the rows with these keys, in the order of `keys`; `None` for
    /// a row that does not exist, and for NULL.
    fn read_back<'a>(
        &'a mut self,
        keys: &'a [RowKey],
    ) -> DatabaseFuture<'a, Vec<Option<StoredValue>>>;

    /// Removes old values where that is safe. Returns what was removed and what the operator must
    /// remove; nothing counts as removed that the database did not confirm.
    fn scrub(&mut self, mode: ScrubMode) -> DatabaseFuture<'_, Vec<Residue>>;
}

/// The result of a method of [`Database`].
pub(crate) type DatabaseFuture<'a, T> = BoxFuture<'a, Result<T, DatabaseError>>;

/// A database that was opened, with the description of the selected table.
pub(crate) struct OpenTable {
    pub(crate) table: PasswordTable,
    pub(crate) database: Box<dyn Database>,
}

/// Extent of the removal of old values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScrubMode {
    /// Leaves the table's file as it is.
    InPlace,
    /// Rewrites the whole table, which can lock it.
    Rewrite,
}

/// A hash for a row, written only if the row is unchanged.
#[derive(Debug, Clone)]
pub(crate) struct RowChange {
    /// The row as it was read.
    pub(crate) row: Arc<Row>,
    /// The new value of the column of the hashes; ASCII.
    pub(crate) hash: SecretBytes,
}

/// Outcome of one change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteOutcome {
    /// The row contains the hash.
    Written,
    /// The row has other values than were read, and was not written.
    Changed,
    /// The row does not exist.
    Deleted,
}

impl fmt::Debug for OpenTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenTable").field("table", &self.table).finish_non_exhaustive()
    }
}
