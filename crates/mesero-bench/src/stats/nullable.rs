//! Members of JSON objects that may be null, and must be there.

use serde::{Deserialize, Deserializer};

/// A value that may be null, and may not be missing.
pub(crate) fn required<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}
