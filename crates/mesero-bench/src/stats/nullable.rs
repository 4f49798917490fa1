//! JSON members that may be null and must be present.

use serde::{Deserialize, Deserializer};

/// Reads a member that may be null and must be present.
pub(crate) fn required<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}
