//! Errors of a database.

use std::fmt;

/// Why a method of a database did not do what it promises.
#[derive(Debug)]
pub(crate) struct DatabaseError {
    pub(crate) kind: ErrorKind,
    /// Reads on after "failed to"; no values of rows, no statement with values, no password.
    pub(crate) text: String,
}

impl DatabaseError {
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Usage, text: text.into() }
    }

    pub(crate) fn retryable(text: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Retryable, text: text.into() }
    }

    pub(crate) fn broken(text: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Broken, text: text.into() }
    }
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
