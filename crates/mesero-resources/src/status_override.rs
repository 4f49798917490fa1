//! A failure whose status the configuration sets.

use std::error::Error as StdError;
use std::fmt;

use http::StatusCode;
use mesero::Error;

/// A failure that the configuration gives a status: the source of the [`Failure`].
#[derive(Debug)]
pub struct StatusOverride {
    pub status: StatusCode,
    pub(crate) text: String,
}

impl StatusOverride {
    /// The one that is behind an error, if there is one.
    pub fn of(error: &Error) -> Option<&Self> {
        error.source()?.downcast_ref()
    }

    /// Whether the configuration says with a status of 4xx that an error is the caller's fault.
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
