//! Changes beside the stored rows.

use crate::database::contract::{RowChange, WriteOutcome};
use crate::rows::row::StoredValue;

/// The plaintext of a change as it was read; none for NULL.
pub(crate) fn old(change: &RowChange) -> Option<&[u8]> {
    change.row.value.as_ref().map(|value| value.bytes.reveal())
}

/// What was in the other column when the row was read; none for NULL.
pub(crate) fn old_target(change: &RowChange) -> Option<&[u8]> {
    change.row.into.as_ref().map(|value| value.bytes.reveal())
}

/// What became of a change that a statement did not write, by what its row holds now in the column
/// of the hashes: none if the row is gone, and none in it for NULL.
pub(crate) fn outcome_of(change: &RowChange, held: Option<Option<StoredValue>>) -> WriteOutcome {
    match held {
        None => WriteOutcome::Deleted,
        // An earlier call wrote it, and its answer was lost.
        Some(Some(value)) if value.bytes == change.hash => WriteOutcome::Written,
        Some(_) => WriteOutcome::Changed,
    }
}
