//! Changes beside the stored rows.

use crate::database::contract::{Change, Fate};
use crate::rows::row::Value;

/// The plaintext of a change as it was read; none for NULL.
pub(crate) fn old(change: &Change) -> Option<&[u8]> {
    change.row.value.as_ref().map(|value| value.bytes.reveal())
}

/// What was in the other column when the row was read; none for NULL.
pub(crate) fn old_into(change: &Change) -> Option<&[u8]> {
    change.row.into.as_ref().map(|value| value.bytes.reveal())
}

/// What became of a change that a statement did not write, by what its row holds now in the column
/// of the hashes: none if the row is gone, and none in it for NULL.
pub(crate) fn fate_of(change: &Change, held: Option<Option<Value>>) -> Fate {
    match held {
        None => Fate::Gone,
        // An earlier call wrote it, and its answer was lost.
        Some(Some(value)) if value.bytes == change.hash => Fate::Written,
        Some(_) => Fate::Changed,
    }
}
