//! Rows and their values.

use crate::rows::key::RowKey;
use crate::secret::SecretBytes;

/// A row as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) key: RowKey,
    /// Column of the plaintext; `None` for NULL.
    pub(crate) value: Option<StoredValue>,
    /// Column of the hashes, if that is another one; `None` for NULL.
    pub(crate) into: Option<StoredValue>,
}

/// A value that is not NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredValue {
    /// The exact bytes: of a text in UTF-8, as the application sends it; of a number its text.
    pub(crate) bytes: SecretBytes,
    pub(crate) form: ValueForm,
}

/// Type of a value in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueForm {
    Text,
    Bytes,
    /// A number instead of a text: the digits that were typed are unknown.
    Number,
}
