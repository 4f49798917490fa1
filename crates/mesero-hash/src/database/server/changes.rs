//! Changes compared with the rows in the database.

use crate::database::contract::{RowChange, WriteOutcome};
use crate::rows::row::StoredValue;

/// The column of the hashes of one row, read after a write.
#[derive(Debug, Clone)]
pub(crate) enum CurrentValue {
    /// The row does not exist.
    NoRow,
    Null,
    Value(StoredValue),
}

impl CurrentValue {
    /// The value of a row that exists.
    pub(crate) fn of(value: Option<StoredValue>) -> Self {
        value.map_or(Self::Null, Self::Value)
    }

    /// The value; `None` for NULL and for a row that does not exist.
    pub(crate) fn value(self) -> Option<StoredValue> {
        match self {
            CurrentValue::Value(value) => Some(value),
            CurrentValue::NoRow | CurrentValue::Null => None,
        }
    }
}

/// The plaintext of a change as it was read; `None` for NULL.
pub(crate) fn old_value(change: &RowChange) -> Option<&[u8]> {
    change.row.value.as_ref().map(|value| value.bytes.reveal())
}

/// The other column of a change as it was read; `None` for NULL.
pub(crate) fn old_target(change: &RowChange) -> Option<&[u8]> {
    change.row.into.as_ref().map(|value| value.bytes.reveal())
}

/// The outcome of a change that a statement did not write.
pub(crate) fn outcome_of(change: &RowChange, current: CurrentValue) -> WriteOutcome {
    match current {
        CurrentValue::NoRow => WriteOutcome::Deleted,
        // An earlier call wrote it, and its reply was lost.
        CurrentValue::Value(value) if value.bytes == change.hash => WriteOutcome::Written,
        CurrentValue::Null | CurrentValue::Value(_) => WriteOutcome::Changed,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::rows::key::{KeyValue, RowKey};
    use crate::rows::row::{Row, ValueForm};
    use crate::secret::SecretBytes;

    fn value(text: &str) -> StoredValue {
        StoredValue { bytes: SecretBytes::copied(text.as_bytes()), form: ValueForm::Text }
    }

    #[test]
    fn a_row_with_the_hash_of_its_change_counts_as_written() {
        let key = RowKey(vec![KeyValue::Integer(1)]);
        let row = Arc::new(Row { key, value: Some(value("secret")), into: None });
        let change = RowChange { row, hash: SecretBytes::copied(b"$argon2id$") };
        for (current, outcome) in [
            (CurrentValue::NoRow, WriteOutcome::Deleted),
            (CurrentValue::Null, WriteOutcome::Changed),
            (CurrentValue::of(Some(value("other"))), WriteOutcome::Changed),
            (CurrentValue::of(Some(value("$argon2id$"))), WriteOutcome::Written),
        ] {
            assert_eq!(outcome_of(&change, current.clone()), outcome, "{current:?}");
        }
    }
}
