//! What is said about an item that is done.

use std::borrow::Cow;
use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header;
use mesero::{Error, FailureKind};
use mesero_http::payload::Payload;
use mesero_resources::Reply;
use mesero_resources::command::CommandExit;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::driver::retry::UnsuccessfulResponse;
use crate::input::{BadInput, Item};

/// An item that is done.
#[derive(Debug)]
pub(crate) struct ItemRecord {
    pub(crate) item: Arc<Item>,
    pub(crate) result: Result<ResultValue, ItemError>,
    pub(crate) attempts: u32,
    /// In the queue, all attempts together.
    pub(crate) queued: Duration,
    pub(crate) ran: Duration,
    pub(crate) traffic: Traffic,
    pub(crate) ended: SystemTime,
}

/// How long the bodies of a request and of its answer were, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traffic {
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

/// How an item ended, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ItemStatus {
    Succeeded,
    /// The target failed, or answered with a status that is no success.
    Failed,
    /// No attempt ended within the timeout.
    TimedOut,
    /// The item's deadline passed.
    Expired,
    /// It would plainly have been too late, and was not begun.
    Refused,
    /// Canceled by a user of the control plane.
    #[serde(alias = "cancelled")]
    Canceled,
    /// It was no item, or lacked a field.
    BadInput,
    /// It had begun when an earlier run ended, and nobody knows what came of it.
    Unknown,
}

/// What the target answered.
#[derive(Debug)]
pub(crate) enum ResultValue {
    Json(Bytes),
    Text(Bytes),
    /// Neither; in JSON it is written in base64.
    Bytes(Bytes),
}

/// Why there is no value.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ItemError {
    #[serde(skip, default = "ItemStatus::default_for_errors")]
    pub(crate) status: ItemStatus,
    pub(crate) kind: Cow<'static, str>,
    pub(crate) message: String,
    /// The HTTP status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http_status: Option<u16>,
    /// How a command ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exit_code: Option<i32>,
    /// The signal that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signal: Option<i32>,
    /// The beginning of its body; a traceback; the last that a command said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

impl Traffic {
    /// That of an attempt, whose answer or whose failure says what came back.
    pub(crate) fn of(body: &Payload, result: &Result<Reply, Error>) -> Self {
        let received = match result {
            Ok(reply) => reply.body_len(),
            Err(error) => {
                let source = error.source();
                let bad = source.and_then(|source| source.downcast_ref::<UnsuccessfulResponse>());
                let ended = source.and_then(|source| source.downcast_ref::<CommandExit>());
                bad.map(|bad| bad.received).or(ended.map(|ended| ended.printed)).unwrap_or(0)
            }
        };
        let bytes = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
        Self { sent: bytes(body.bytes_at_hand()), received: bytes(received) }
    }
}

impl ItemRecord {
    pub(crate) fn status(&self) -> ItemStatus {
        self.result.as_ref().err().map_or(ItemStatus::Succeeded, |error| error.status)
    }

    /// The value as a person reads it, or the error.
    pub(crate) fn display_text(&self) -> Cow<'_, str> {
        match &self.result {
            Ok(value) => value.display_text(),
            Err(error) => Cow::Borrowed(&error.message),
        }
    }
}

impl ResultValue {
    /// Reads a reply, whose body is at hand.
    pub(crate) fn of(reply: Reply) -> Self {
        let media_type = reply.headers().get(header::CONTENT_TYPE).cloned();
        let media_type = media_type.as_ref().and_then(|value| value.to_str().ok());
        let essence = media_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
        let is_json =
            essence.eq_ignore_ascii_case("application/json") || essence.ends_with("+json");
        let bytes = reply.into_body().at_hand();
        if is_json && serde_json::from_slice::<&RawValue>(&bytes).is_ok() {
            return Self::Json(bytes);
        }
        match std::str::from_utf8(&bytes) {
            Ok(_) => {
                let end = bytes.strip_suffix(b"\n").map_or(bytes.len(), |text| text.len());
                Self::Text(bytes.slice(..end))
            }
            Err(_) => Self::Bytes(bytes),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Json(bytes) | Self::Text(bytes) | Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// As JSON in one line. What is valid JSON has line ends only where a blank may stand too.
    pub(crate) fn json(&self) -> String {
        match self {
            Self::Json(bytes) => String::from_utf8_lossy(bytes).trim().replace(['\n', '\r'], " "),
            Self::Text(bytes) => {
                serde_json::Value::from(&*String::from_utf8_lossy(bytes)).to_string()
            }
            Self::Bytes(bytes) => serde_json::Value::from(STANDARD.encode(bytes)).to_string(),
        }
    }

    /// As a person reads it: texts without quotes.
    pub(crate) fn display_text(&self) -> Cow<'_, str> {
        match self {
            Self::Json(bytes) => match serde_json::from_slice::<String>(bytes) {
                Ok(text) => Cow::Owned(text),
                Err(_) => Cow::Owned(self.json()),
            },
            Self::Text(bytes) | Self::Bytes(bytes) => String::from_utf8_lossy(bytes),
        }
    }
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
        let message = error.to_string();
        let base = Self::new(status, kind, message);
        let source = error.source();
        if let Some(bad) = source.and_then(|source| source.downcast_ref::<UnsuccessfulResponse>()) {
            return Self {
                kind: "status".into(),
                http_status: Some(bad.status.as_u16()),
                detail: (!bad.text.is_empty()).then(|| bad.text.clone()),
                ..base
            };
        }
        let detail = match error {
            Error::Failed(failure) => failure.detail().map(str::to_owned),
            _ => None,
        };
        let ended = source.and_then(|source| source.downcast_ref::<CommandExit>());
        let (exit_code, signal) =
            (ended.and_then(CommandExit::code), ended.and_then(CommandExit::signal));
        Self { exit_code, signal, detail, ..base }
    }

    fn new(status: ItemStatus, kind: &'static str, message: String) -> Self {
        let (http_status, exit_code, signal, detail) = (None, None, None, None);
        Self { status, kind: kind.into(), message, http_status, exit_code, signal, detail }
    }

    pub(crate) fn of_input(bad: &BadInput) -> Self {
        Self::new(ItemStatus::BadInput, "input", bad.to_string())
    }

    pub(crate) fn unknown() -> Self {
        let message = "it had begun when an earlier run ended, and what came of it is not known";
        Self::new(ItemStatus::Unknown, "unknown", message.to_owned())
    }
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

    /// As records name it.
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

    /// That of an error which is written beside its status.
    fn default_for_errors() -> Self {
        Self::Failed
    }
}
