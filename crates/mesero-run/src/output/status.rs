//! The status of a finished item.

use serde::{Deserialize, Serialize};

/// The status of a finished item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ItemStatus {
    Succeeded,
    /// The target failed, or answered with an error status.
    Failed,
    /// No attempt finished within the timeout.
    TimedOut,
    /// The item's deadline passed.
    Expired,
    /// Not started: its deadline could not be met.
    Refused,
    /// Canceled by a user of the control plane.
    #[serde(alias = "cancelled")]
    Canceled,
    /// The entry is not an item, or lacks a field.
    BadInput,
    /// Started in an earlier run that was killed before the result was saved.
    Unknown,
}

impl ItemStatus {
    pub(crate) const ALL: [Self; 8] = [
        Self::Succeeded,
        Self::Failed,
        Self::TimedOut,
        Self::Expired,
        Self::Refused,
        Self::Canceled,
        Self::BadInput,
        Self::Unknown,
    ];

    /// The name in records.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Expired => "expired",
            Self::Refused => "refused",
            Self::Canceled => "canceled",
            Self::BadInput => "bad_input",
            Self::Unknown => "unknown",
        }
    }
}
