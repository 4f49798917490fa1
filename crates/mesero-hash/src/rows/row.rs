//! A row as it was read.

use crate::rows::key::Key;
use crate::secret::Secret;

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
