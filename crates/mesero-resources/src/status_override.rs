//! A failure whose status the configuration sets.

use std::error::Error as StdError;
use std::fmt;

use http::StatusCode;
use mesero::Error;

/// A failure with a status from the configuration: the source of a [`Failure`](mesero::Failure).
#[derive(Debug)]
pub struct StatusOverride {
    pub status: StatusCode,
    pub(crate) text: String,
}

impl StatusOverride {
    /// Returns the override behind an error, if there is one.
    pub fn of(error: &Error) -> Option<&Self> {
        error.source()?.downcast_ref()
    }

    /// Returns true if the configuration's status of an error is 4xx, so that the caller is at
    /// fault.
    pub fn is_callers_fault(error: &Error) -> bool {
        Self::of(error).is_some_and(|status_override| status_override.status.is_client_error())
    }
}

impl fmt::Display for StatusOverride {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for StatusOverride {}
