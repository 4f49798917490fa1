//! The lines of a journal: what it is about, and what began, ended, or did not begin after all.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::output::record::{ItemError, ItemRecord, ItemStatus, ResultValue, Traffic};

/// The version of this format; another one is refused.
pub(super) const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JournalHeader {
    pub(super) mesero_journal: u32,
    /// What is called, as far as it makes a difference for an answer.
    pub(super) target: String,
    /// The field by which items are known again.
    pub(super) id_field: String,
    /// A hash of what else makes a difference; it may change.
    pub(super) config: String,
}

/// Any other line, with all that it says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum JournalLine<'a> {
    #[serde(borrow)]
    Started(StartLine<'a>),
    /// It did not begin after all: this takes a start back.
    Released(StartLine<'a>),
    Finished(Box<FinishLine<'a>>),
}

/// Any other line, with only what has to be known of all.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LineSummary<'a> {
    #[serde(borrow)]
    Started(StartLine<'a>),
    Released(StartLine<'a>),
    Finished(FinishSummary<'a>),
}

/// An item begins.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StartLine<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    /// It failed before, and that does not count any more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) again: bool,
}

/// How an item ended, in short.
#[derive(Debug, Deserialize)]
pub(super) struct FinishSummary<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    pub(super) status: ItemStatus,
    #[serde(default, alias = "unbegun")]
    pub(super) never_started: bool,
}

/// How an item ended.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FinishLine<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    status: ItemStatus,
    /// It never began, so that no start belongs to it.
    #[serde(default, alias = "unbegun", skip_serializing_if = "is_false")]
    never_started: bool,
    input: Cow<'a, RawValue>,
    outcome: JournaledOutcome<'a>,
    attempts: u32,
    queued_us: u64,
    ran_us: u64,
    /// Of the bodies, in bytes.
    #[serde(default, skip_serializing_if = "is_zero")]
    sent: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    received: u64,
    /// Since 1970, in UTC.
    ended_us: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum JournaledOutcome<'a> {
    Json(Cow<'a, RawValue>),
    Text(Cow<'a, str>),
    Base64(Cow<'a, str>),
    Error(Cow<'a, ItemError>),
}

/// What a line says about an item that is done, without its place in the input.
#[derive(Debug)]
pub(crate) struct JournaledResult {
    /// As JSON.
    pub(crate) input: String,
    pub(crate) result: Result<ResultValue, ItemError>,
    pub(crate) attempts: u32,
    pub(crate) queued: Duration,
    pub(crate) ran: Duration,
    pub(crate) traffic: Traffic,
    pub(crate) ended: SystemTime,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// Something as a line, with its end.
///
/// # Errors
/// None in practice: texts, numbers and JSON are always JSON.
pub(super) fn to_line(what: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    Ok(line)
}

impl<'a> FinishLine<'a> {
    /// What is kept of a record.
    ///
    /// # Errors
    /// None in practice, see [`to_line`].
    pub(super) fn of(record: &'a ItemRecord, never_started: bool) -> serde_json::Result<Self> {
        let outcome = match &record.result {
            Ok(value @ ResultValue::Json(_)) => {
                JournaledOutcome::Json(Cow::Owned(RawValue::from_string(value.json())?))
            }
            Ok(ResultValue::Text(bytes)) => JournaledOutcome::Text(String::from_utf8_lossy(bytes)),
            Ok(ResultValue::Bytes(bytes)) => {
                JournaledOutcome::Base64(STANDARD.encode(bytes).into())
            }
            Err(error) => JournaledOutcome::Error(Cow::Borrowed(error)),
        };
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let ended = record.ended.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            id: Cow::Borrowed(&record.item.id),
            status: record.status(),
            never_started,
            input: Cow::Owned(RawValue::from_string(record.item.input.json())?),
            outcome,
            attempts: record.attempts,
            queued_us: micros(record.queued),
            ran_us: micros(record.ran),
            sent: record.traffic.sent,
            received: record.traffic.received,
            ended_us: micros(ended),
        })
    }

    /// Reads the line of an item that is done.
    ///
    /// # Errors
    /// If it is none; reads on after "failed to".
    pub(super) fn read(line: &str) -> Result<JournaledResult, String> {
        let finish = match serde_json::from_str(line) {
            Ok(JournalLine::Finished(finish)) => finish,
            Ok(_) => return Err("read a result: the line has none".to_owned()),
            Err(error) => return Err(format!("read a result: {error}")),
        };
        let result = match finish.outcome {
            JournaledOutcome::Json(raw) => Ok(ResultValue::Json(Bytes::from(raw.get().to_owned()))),
            JournaledOutcome::Text(text) => Ok(ResultValue::Text(Bytes::from(text.into_owned()))),
            JournaledOutcome::Base64(text) => match STANDARD.decode(text.as_bytes()) {
                Ok(bytes) => Ok(ResultValue::Bytes(bytes.into())),
                Err(error) => return Err(format!("read a result: {error}")),
            },
            JournaledOutcome::Error(error) => {
                let error = error.into_owned();
                let kind = match &*error.kind {
                    // As version 0.1 wrote it.
                    "cancelled" => "canceled".into(),
                    _ => error.kind,
                };
                Err(ItemError { status: finish.status, kind, ..error })
            }
        };
        Ok(JournaledResult {
            input: finish.input.get().to_owned(),
            result,
            attempts: finish.attempts,
            queued: Duration::from_micros(finish.queued_us),
            ran: Duration::from_micros(finish.ran_us),
            traffic: Traffic { sent: finish.sent, received: finish.received },
            ended: SystemTime::UNIX_EPOCH + Duration::from_micros(finish.ended_us),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_version_0_1_is_read() {
        let line = r#"{"finished":{"id":"7","status":"cancelled","unbegun":true,"input":7,"outcome":{"error":
            {"kind":"cancelled","message":"canceled"}},"attempts":0,"queued_us":5,"ran_us":0,"ended_us":1000000}}"#;
        let result = FinishLine::read(line).unwrap();
        let error = result.result.unwrap_err();
        assert_eq!((error.status, &*error.kind), (ItemStatus::Canceled, "canceled"));
        assert_eq!((result.input.as_str(), result.queued), ("7", Duration::from_micros(5)));
        let LineSummary::Finished(summary) = serde_json::from_str(line).unwrap() else {
            panic!("a finished item")
        };
        assert!(summary.never_started && summary.status == ItemStatus::Canceled);
    }
}
