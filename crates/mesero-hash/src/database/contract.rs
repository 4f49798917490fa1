//! What a database promises: a table that can be read in pages and written row by row, only if a row is still as it was.

use std::fmt;
use std::sync::Arc;

use futures_core::future::BoxFuture;

use crate::database::error::DatabaseError;
use crate::database::table::PasswordTable;
use crate::rows::key::RowKey;
use crate::rows::page::{PageLimits, RowPage};
use crate::rows::row::{Row, StoredValue};
use crate::secret::SecretBytes;

/// An open database with the table in it that was asked for.
///
/// One call at a time. A call whose future is dropped either was done whole or not at all, and the
/// next one finds a connection that can be used. A call that failed with a retryable error may be
/// made again as it was: by then the implementation has a connection again, or fails again.
///
/// No method holds a transaction, or a lock of the database, when it has returned.
pub(crate) trait Database: Send {
    /// The rows after `after` in the order of the key, until the page is full or the table ends.
    /// Rows that come to be during a pass may be missed by it.
    fn page<'a>(
        &'a mut self,
        after: Option<&'a RowKey>,
        size: PageLimits,
    ) -> DatabaseFuture<'a, RowPage>;

    /// Prepares for writing, once, before the first write: what the dialect can do so that less
    /// of the old values stays behind.
    fn begin(&mut self) -> DatabaseFuture<'_, ()>;

    /// Writes all of `changes` in one short transaction, each only if its row is, byte for byte,
    /// as it was read, and says what became of each, in their order.
    ///
    /// # Errors
    /// Then none of them was written, unless the connection was lost: then each was or was not,
    /// and the same call again tells (a row that has the hash of its change counts as written).
    fn write<'a>(
        &'a mut self,
        changes: &'a Arc<[RowChange]>,
    ) -> DatabaseFuture<'a, Vec<WriteOutcome>>;

    /// What the rows of these keys hold now in the column of the hashes, in the order of `keys`;
    /// none where there is no such row, or no value.
    fn read_back<'a>(
        &'a mut self,
        keys: &'a [RowKey],
    ) -> DatabaseFuture<'a, Vec<Option<StoredValue>>>;

    /// Removes old values where it can be done safely, rewriting the table only if `rewrite`; and
    /// says what was done and what remains, for a person who has to do the rest. Never claims more
    /// than was seen to be done.
    fn scrub(&mut self, rewrite: bool) -> DatabaseFuture<'_, Vec<Residue>>;
}

/// What a method of a database comes to.
pub(crate) type DatabaseFuture<'a, T> = BoxFuture<'a, Result<T, DatabaseError>>;

/// What `open` of a dialect returns.
pub(crate) struct OpenTable {
    pub(crate) table: PasswordTable,
    pub(crate) database: Box<dyn Database>,
}

/// A row to be written, if it is still as it was.
#[derive(Debug, Clone)]
pub(crate) struct RowChange {
    /// As it was read.
    pub(crate) row: Arc<Row>,
    /// What goes into the column of the hashes; ASCII.
    pub(crate) hash: SecretBytes,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteOutcome {
    /// The row has the hash now.
    Written,
    /// The row is not as it was read any more, and was left as it is.
    Changed,
    /// There is no such row any more.
    Deleted,
}

/// A place where old values were, or may still be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Residue {
    /// Whether it was cleaned now, as far as the database itself says.
    pub(crate) cleaned: bool,
    /// A whole sentence without its full stop: what was done, or what a person has to do.
    pub(crate) text: String,
}

impl Residue {
    /// What was cleaned, as far as the server says.
    pub(crate) fn cleaned(text: impl Into<String>) -> Self {
        Self { cleaned: true, text: text.into() }
    }

    /// What a person has to do.
    pub(crate) fn remains(text: impl Into<String>) -> Self {
        Self { cleaned: false, text: text.into() }
    }

    /// What no server can clean.
    pub(crate) fn deleted_files() -> Self {
        Self::remains(
            "deleted files stay readable on the disk itself until it is overwritten or trimmed",
        )
    }
}

impl fmt::Debug for OpenTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("table", &self.table).finish_non_exhaustive()
    }
}
