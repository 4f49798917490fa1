//! Errors before the first write.

use std::fmt;

use mesero_terminal::command_error::CommandError;

/// The reason why nothing was written; continues "failed to".
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

impl From<HashRunError> for CommandError {
    fn from(error: HashRunError) -> Self {
        CommandError::failed_to(error)
    }
}
