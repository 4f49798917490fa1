//! A row as it was read.

use crate::rows::key::RowKey;
use crate::secret::SecretBytes;

/// A row as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) key: RowKey,
    /// The column of the plaintext; none for NULL.
    pub(crate) value: Option<StoredValue>,
    /// The column of the hashes, if that is another one; none for NULL.
    pub(crate) into: Option<StoredValue>,
}

/// A value that is not NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredValue {
    /// The exact bytes: of a text in UTF-8 (as the application sends it), of a number its text.
    pub(crate) bytes: SecretBytes,
    pub(crate) form: ValueForm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueForm {
    Text,
    Bytes,
    /// A number where a password was expected: what its owner typed cannot be told from it.
    Number,
}
