//! The reason why nothing was written.

use std::fmt;

/// Why nothing was written; reads on after "failed to".
#[derive(Debug)]
pub struct HashRunError(pub(crate) String);

impl HashRunError {
    pub(crate) fn of(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for HashRunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
