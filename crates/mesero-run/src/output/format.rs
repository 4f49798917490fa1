//! How records are written.

use mesero_target::Target;
use mesero_target::item::Input;
use serde::Serialize;
use serde_json::value::RawValue;

use super::record::{ItemError, ItemRecord, ItemStatus, ResultValue};
use super::table;
use crate::args::RecordFormat;

/// Writes records in a form.
#[derive(Debug)]
pub(crate) struct RecordWriter(RecordFormat);

/// A record as JSON.
#[derive(Serialize)]
struct JsonRecord<'a> {
    index: u64,
    id: &'a str,
    input: &'a Input,
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

impl RecordWriter {
    pub(crate) fn new(format: RecordFormat) -> Self {
        Self(format)
    }

    /// What stands above all records.
    pub(crate) fn header(&self) -> Option<String> {
        match self.0 {
            RecordFormat::Jsonl | RecordFormat::Values => None,
            RecordFormat::Csv => Some(table::line(table::COLUMNS, b',')),
            RecordFormat::Tsv => Some(table::line(table::COLUMNS, b'\t')),
            RecordFormat::Joblog => Some(table::JOBLOG.join("\t")),
        }
    }

    /// A record in one line, unless it is not to be written.
    pub(crate) fn line(&self, record: &ItemRecord, target: &Target) -> Option<String> {
        match self.0 {
            RecordFormat::Values => {
                record.result.as_ref().ok().map(|value| value.display_text().into_owned())
            }
            RecordFormat::Jsonl => Some(json(record)),
            RecordFormat::Csv => Some(table::line(table::cells(record), b',')),
            RecordFormat::Tsv => Some(table::line(table::cells(record), b'\t')),
            RecordFormat::Joblog => Some(table::joblog(record, target)),
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
        queued_ms: super::table::milliseconds(record.queued),
        ran_ms: super::table::milliseconds(record.ran),
    };
    // Texts, numbers and JSON are always JSON.
    serde_json::to_string(&line).unwrap_or_default()
}
