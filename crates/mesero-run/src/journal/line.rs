//! The lines of a journal: a header, then starts, retracted starts and results.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::JournalErrorKind;
use crate::output::error::ItemError;
use crate::output::record::{ItemRecord, Traffic};
use crate::output::status::ItemStatus;
use crate::output::value::ResultValue;

/// The version of this format; others are rejected.
const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JournalHeader {
    pub(super) mesero_journal: u32,
    /// The parts of the target that determine its answers.
    pub(super) target: String,
    /// The field that identifies items.
    pub(super) id_field: String,
    /// A hash of the configuration, which may differ in a later run.
    pub(super) config: String,
}

/// Any line after the header, completely.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum JournalLine<'a> {
    #[serde(borrow)]
    Started(StartLine<'a>),
    /// A start that is retracted: the item has not run.
    Released(StartLine<'a>),
    Finished(Box<FinishLine<'a>>),
}

/// Any line after the header, without inputs and results: the part that a replay keeps in memory.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LineSummary<'a> {
    #[serde(borrow)]
    Started(StartLine<'a>),
    Released(StartLine<'a>),
    Finished(FinishSummary<'a>),
}

/// The start of an item.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StartLine<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    /// The item failed before, and that result is superseded.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) again: bool,
}

/// The result of an item, in short.
#[derive(Debug, Deserialize)]
pub(super) struct FinishSummary<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    pub(super) status: ItemStatus,
    #[serde(default, alias = "unbegun")]
    pub(super) never_started: bool,
}

/// The result of an item.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FinishLine<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    status: ItemStatus,
    /// No start belongs to this result, such as that of a bad input.
    #[serde(default, alias = "unbegun", skip_serializing_if = "is_false")]
    never_started: bool,
    input: Cow<'a, RawValue>,
    outcome: JournaledOutcome<'a>,
    attempts: u32,
    queued_us: u64,
    ran_us: u64,
    /// Bytes of the request body.
    #[serde(default, skip_serializing_if = "is_zero")]
    sent: u64,
    /// Bytes of the response body.
    #[serde(default, skip_serializing_if = "is_zero")]
    received: u64,
    /// Microseconds since 1970-01-01 UTC.
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

/// The journaled result of an item, without its position in the input.
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

/// Serializes a line, with its end.
///
/// # Errors
/// None in practice: texts, numbers and JSON can always be serialized.
pub(super) fn to_line(what: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    Ok(line)
}

impl JournalHeader {
    pub(crate) fn new(target: String, id_field: String, config: String) -> Self {
        Self { mesero_journal: VERSION, target, id_field, config }
    }

    /// Checks that a run with the header `run` can continue this journal.
    pub(super) fn check_matches(&self, run: &Self) -> Result<(), JournalErrorKind> {
        if self.mesero_journal != VERSION {
            let (journal, supported) = (self.mesero_journal, VERSION);
            return Err(JournalErrorKind::Version { journal, supported });
        }
        if self.target != run.target {
            let (journal, run) = (self.target.clone(), run.target.clone());
            return Err(JournalErrorKind::Target { journal, run });
        }
        if self.id_field != run.id_field {
            let (journal, run) = (self.id_field.clone(), run.id_field.clone());
            return Err(JournalErrorKind::IdField { journal, run });
        }
        Ok(())
    }
}

impl<'a> FinishLine<'a> {
    /// The line of a record.
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

    /// Parses the line of a result.
    ///
    /// # Errors
    /// If it is another line; a fragment that follows "failed to".
    pub(super) fn read(line: &str) -> Result<JournaledResult, String> {
        let finish = match serde_json::from_str(line) {
            Ok(JournalLine::Finished(finish)) => finish,
            Ok(_) => return Err("read a result: the line contains another event".to_owned()),
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
    fn a_result_that_version_0_1_wrote_is_read() {
        let line = include_str!("line-0.1.json").trim_end();
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
