//! Errors of a database.

use std::fmt;

/// An error of a method of a database.
#[derive(Debug)]
pub(crate) struct DatabaseError {
    pub(crate) kind: ErrorKind,
    /// Continues "failed to"; contains no value of a row, no statement with values and no password.
    pub(crate) text: String,
}

/// Consequence of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// The command line cannot be used: no such table, or a server that rejects the user.
    Usage,
    /// A lock, a deadlock, a serialization failure or a lost connection: a repeated call can succeed.
    Retryable,
    /// One of several changes cannot be written (a constraint, a trigger); written one by one, each
    /// shows whether it is the one.
    Row,
    /// The run cannot continue: a full disk, a read-only database, a damaged one.
    Broken,
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

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
