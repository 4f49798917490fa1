//! What a database promises: a table that can be read in pages and written row by row, only if a row is still as it was.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use futures_core::future::BoxFuture;

use super::key::Key;
use super::page::{Page, Size};
use super::secret::Secret;

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
    fn page<'a>(&'a mut self, after: Option<&'a Key>, size: Size) -> Answer<'a, Page>;

    /// Prepares for writing, once, before the first write: what the dialect can do so that less
    /// of the old values stays behind.
    fn begin(&mut self) -> Answer<'_, ()>;

    /// Writes all of `changes` in one short transaction, each only if its row is, byte for byte,
    /// as it was read, and says what became of each, in their order.
    ///
    /// # Errors
    /// Then none of them was written, unless the connection was lost: then each was or was not,
    /// and the same call again tells (a row that has the hash of its change counts as written).
    fn write<'a>(&'a mut self, changes: &'a Arc<[Change]>) -> Answer<'a, Vec<Fate>>;

    /// What the rows of these keys hold now in the column of the hashes, in the order of `keys`;
    /// none where there is no such row, or no value.
    fn read_back<'a>(&'a mut self, keys: &'a [Key]) -> Answer<'a, Vec<Option<Value>>>;

    /// Removes old values where it can be done safely, rewriting the table only if `rewrite`; and
    /// says what was done and what remains, for a person who has to do the rest. Never claims more
    /// than was seen to be done.
    fn wipe(&mut self, rewrite: bool) -> Answer<'_, Vec<Trace>>;
}

/// What a method of a database comes to.
pub(crate) type Answer<'a, T> = BoxFuture<'a, Result<T, DatabaseError>>;

/// What `open` of a dialect returns.
pub(crate) struct Opened {
    pub(crate) table: Table,
    pub(crate) database: Box<dyn Database>,
}

/// Where the database is, and how to get in.
#[derive(Debug, Clone)]
pub(crate) struct Location {
    /// A file's path, or a URL, as it was typed; a password in it must not be repeated.
    pub(crate) database: String,
    /// Where the password is, for a server.
    pub(crate) password_file: Option<PathBuf>,
    /// It is only looked at: nothing may be changed.
    pub(crate) read_only: bool,
}

/// Names, as they were typed.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// The table; with its schema before a dot where the dialect has schemas.
    pub(crate) table: String,
    /// Where the plaintext is.
    pub(crate) column: String,
    /// Where hashes are to go, if elsewhere; the plaintext becomes NULL in the same statement.
    pub(crate) into: Option<String>,
    /// The columns of the key; empty for the primary key.
    pub(crate) key: Vec<String>,
}

/// What the catalogue says of the table; `open` has made sure that all names exist, that the key is
/// unique and that the statements can be made.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// As a person writes it in this dialect, for messages; without quotes around it.
    pub(crate) name: String,
    pub(crate) key: Vec<Column>,
    /// Where the plaintext is.
    pub(crate) column: Column,
    /// Where hashes go, if elsewhere.
    pub(crate) into: Option<Column>,
    /// How many rows there are, at least roughly, for progress.
    pub(crate) rows: u64,
    /// What a person should know before the first write: triggers, replicas, statement logs, space.
    pub(crate) notes: Vec<Note>,
}

impl Table {
    /// The column of the hashes.
    pub(crate) fn target(&self) -> &Column {
        self.into.as_ref().unwrap_or(&self.column)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The type as the catalogue spells it.
    pub(crate) type_name: String,
    /// How many characters, or bytes where the type counts those, it can hold, if that is bounded.
    pub(crate) width: Option<u64>,
    pub(crate) nullable: bool,
}

/// Something found before the first write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) weight: Weight,
    /// A whole sentence without its full stop, which says what to do.
    pub(crate) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Good to know.
    Fact,
    /// It goes on, but a person should look.
    Warning,
    /// Nothing is written until that is changed.
    Stop,
}

/// A row as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) key: Key,
    /// The column of the plaintext; none for NULL.
    pub(crate) value: Option<Value>,
    /// The column of the hashes, if that is another one; none for NULL.
    pub(crate) into: Option<Value>,
}

/// A value that is not NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    /// The exact bytes: of a text in UTF-8 (as the application sends it), of a number its text.
    pub(crate) bytes: Secret,
    pub(crate) form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Bytes,
    /// A number where a password was expected: what its owner typed cannot be told from it.
    Number,
}

/// A row to be written, if it is still as it was.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// As it was read.
    pub(crate) row: Arc<Row>,
    /// What goes into the column of the hashes; ASCII.
    pub(crate) hash: Secret,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The row has the hash now.
    Written,
    /// The row is not as it was read any more, and was left as it is.
    Changed,
    /// There is no such row any more.
    Gone,
}

/// A place where old values were, or may still be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trace {
    /// Whether it was cleaned now, as far as the database itself says.
    pub(crate) cleaned: bool,
    /// A whole sentence without its full stop: what was done, or what a person has to do.
    pub(crate) text: String,
}

/// Why a method of a database did not do what it promises.
#[derive(Debug)]
pub(crate) struct DatabaseError {
    pub(crate) kind: ErrorKind,
    /// Reads on after "failed to"; no values of rows, no statement with values, no password.
    pub(crate) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// What was typed cannot be used: no such table, a server that does not let in.
    Usage,
    /// Others were in the way (a lock, a deadlock, a serialization failure), or the connection was
    /// lost: the same again may go well.
    Retryable,
    /// Of several changes one cannot be written (a constraint, a trigger): each alone tells which.
    Row,
    /// Nothing more can be done: a full disk, a database that may not be written, a damaged one.
    Broken,
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("table", &self.table).finish_non_exhaustive()
    }
}
