//! The database and the names, as they were typed.

use std::path::PathBuf;

/// Where the database is, and how to get in.
#[derive(Debug, Clone)]
pub(crate) struct DatabaseLocation {
    /// A file's path, or a URL, as it was typed; a password in it must not be repeated.
    pub(crate) database: String,
    /// Where the password is, for a server.
    pub(crate) password_file: Option<PathBuf>,
    /// It is only looked at: nothing may be changed.
    pub(crate) read_only: bool,
}

/// Names, as they were typed.
#[derive(Debug, Clone)]
pub(crate) struct TableSelection {
    /// The table; with its schema before a dot where the dialect has schemas.
    pub(crate) table: String,
    /// Where the plaintext is.
    pub(crate) column: String,
    /// Where hashes are to go, if elsewhere; the plaintext becomes NULL in the same statement.
    pub(crate) into: Option<String>,
    /// The columns of the key; empty for the primary key.
    pub(crate) key: Vec<String>,
}
