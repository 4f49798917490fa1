//! The database and the names, as they were typed.

use std::path::PathBuf;

/// Address of a database.
#[derive(Debug, Clone)]
pub(crate) struct DatabaseLocation {
    /// Path of a file, or a URL, as it was typed; messages must not repeat a password in it.
    pub(crate) database: String,
    /// File with the password of the server's user.
    pub(crate) password_file: Option<PathBuf>,
    /// Rejects every write.
    pub(crate) read_only: bool,
}

/// Names of the table and its columns, as they were typed.
#[derive(Debug, Clone)]
pub(crate) struct TableSelection {
    /// The table; with its schema before a dot where the dialect has schemas.
    pub(crate) table: String,
    /// Column of the plaintext.
    pub(crate) column: String,
    /// Another column for the hashes; the plaintext becomes NULL in the same statement.
    pub(crate) into: Option<String>,
    /// Columns of the key; empty for the primary key.
    pub(crate) key: Vec<String>,
}
