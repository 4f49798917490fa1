//! The error of an unsuccessful item.

use std::borrow::Cow;
use std::error::Error as _;
use std::fmt;

use http::StatusCode;
use mesero::{Error, FailureKind};
use mesero_resources::command::CommandExit;
use serde::{Deserialize, Serialize};

use super::status::ItemStatus;
use crate::input::item::BadInput;

/// The error of an unsuccessful item, as records contain it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ItemError {
    #[serde(skip, default = "status_of_line")]
    pub(crate) status: ItemStatus,
    pub(crate) kind: Cow<'static, str>,
    pub(crate) message: String,
    /// The HTTP status of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http_status: Option<u16>,
    /// The exit code of a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exit_code: Option<i32>,
    /// The signal that ended a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signal: Option<i32>,
    /// The beginning of a response's body, a traceback, or the last output of a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

/// The status of a deserialized error is beside it in the same line, and replaces this one.
fn status_of_line() -> ItemStatus {
    ItemStatus::Failed
}

impl ItemError {
    pub(crate) fn of(error: &Error) -> Self {
        let (status, kind) = match error {
            Error::Failed(failure) => (
                ItemStatus::Failed,
                match failure.kind() {
                    FailureKind::Raised => "raised",
                    FailureKind::Unreachable => "unreachable",
                    FailureKind::Overloaded => "overloaded",
                    FailureKind::Lost => "lost",
                    _ => "internal",
                },
            ),
            Error::TimedOut { .. } => (ItemStatus::TimedOut, "timeout"),
            Error::Expired { .. } => (ItemStatus::Expired, "deadline"),
            Error::Refused(_) => (ItemStatus::Refused, "refused"),
            Error::Canceled | Error::Shed => (ItemStatus::Canceled, "canceled"),
            _ => (ItemStatus::Failed, "other"),
        };
        let base = Self::new(status, kind, error.to_string());
        let source = error.source();
        if let Some(response) = source.and_then(|source| source.downcast_ref::<ErrorResponse>()) {
            return Self {
                kind: "status".into(),
                http_status: Some(response.status.as_u16()),
                detail: (!response.text.is_empty()).then(|| response.text.clone()),
                ..base
            };
        }
        let detail = match error {
            Error::Failed(failure) => failure.detail().map(str::to_owned),
            _ => None,
        };
        let exit = source.and_then(|source| source.downcast_ref::<CommandExit>());
        let (exit_code, signal) =
            (exit.and_then(CommandExit::code), exit.and_then(CommandExit::signal));
        Self { exit_code, signal, detail, ..base }
    }

    fn new(status: ItemStatus, kind: &'static str, message: String) -> Self {
        let (http_status, exit_code, signal, detail) = (None, None, None, None);
        Self { status, kind: kind.into(), message, http_status, exit_code, signal, detail }
    }

    pub(crate) fn of_input(bad: &BadInput) -> Self {
        Self::new(ItemStatus::BadInput, "input", bad.to_string())
    }

    /// The error of an item that started in an earlier run and did not finish there.
    pub(crate) fn unknown() -> Self {
        let message = "the item was running when an earlier run was killed; its result is unknown";
        Self::new(ItemStatus::Unknown, "unknown", message.to_owned())
    }
}

/// A response whose status is not a success.
#[derive(Debug)]
pub(crate) struct ErrorResponse {
    pub(crate) status: StatusCode,
    /// The beginning of its body.
    pub(crate) text: String,
    /// The length of its body.
    pub(crate) body_bytes: usize,
}

impl fmt::Display for ErrorResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the target answered {}", self.status)
    }
}

impl std::error::Error for ErrorResponse {}
