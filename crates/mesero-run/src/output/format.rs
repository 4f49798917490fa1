//! The formats of records.

use clap::ValueEnum;
use mesero_target::Target;
use mesero_target::item::ItemInput;
use mesero_terminal::units::fractional_milliseconds;
use serde::Serialize;
use serde_json::value::RawValue;

use super::error::ItemError;
use super::record::ItemRecord;
use super::status::ItemStatus;
use super::table;
use super::value::ResultValue;

/// A format of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecordFormat {
    /// One JSON object per line
    Jsonl,
    /// Comma-separated values with a header
    Csv,
    /// Tab-separated values with a header
    Tsv,
    /// The job log of GNU parallel
    Joblog,
    /// The values of successful items alone
    #[value(skip)]
    Values,
}

/// A record as JSON.
#[derive(Serialize)]
struct JsonRecord<'a> {
    index: u64,
    id: &'a str,
    input: &'a ItemInput,
    status: ItemStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a ItemError>,
    attempts: u32,
    queued_ms: f64,
    ran_ms: f64,
}

impl RecordFormat {
    /// The line before all records, if the format has one.
    pub(crate) fn header(self) -> Option<String> {
        match self {
            Self::Jsonl | Self::Values => None,
            Self::Csv => Some(table::line(table::COLUMNS, b',')),
            Self::Tsv => Some(table::line(table::COLUMNS, b'\t')),
            Self::Joblog => Some(table::JOBLOG.join("\t")),
        }
    }

    /// The line of a record; none if the format omits it.
    pub(crate) fn line(self, record: &ItemRecord, target: &Target) -> Option<String> {
        match self {
            Self::Values => {
                record.result.as_ref().ok().map(|value| value.display_text().into_owned())
            }
            Self::Jsonl => Some(json(record)),
            Self::Csv => Some(table::line(table::cells(record), b',')),
            Self::Tsv => Some(table::line(table::cells(record), b'\t')),
            Self::Joblog => Some(table::joblog(record, target)),
        }
    }
}

fn json(record: &ItemRecord) -> String {
    let raw = |value: &ResultValue| RawValue::from_string(value.json()).ok();
    let (value, value_base64) = match &record.result {
        Ok(value @ ResultValue::Bytes(_)) => (None, raw(value)),
        Ok(value) => (raw(value), None),
        Err(_) => (None, None),
    };
    let line = JsonRecord {
        index: record.item.index,
        id: &record.item.id,
        input: &record.item.input,
        status: record.status(),
        value,
        value_base64,
        error: record.result.as_ref().err(),
        attempts: record.attempts,
        queued_ms: fractional_milliseconds(record.queued),
        ran_ms: fractional_milliseconds(record.ran),
    };
    // Texts, numbers and JSON can always be serialized.
    serde_json::to_string(&line).unwrap_or_default()
}
