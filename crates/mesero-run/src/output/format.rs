//! How records are written.

use mesero_target::Target;
use mesero_target::item::Input;
use serde::Serialize;
use serde_json::value::RawValue;

use super::record::{Record, Status, Trouble, Value};
use super::table;
use crate::args::Form;

/// Writes records in a form.
#[derive(Debug)]
pub(crate) struct Writer(Form);

/// A record as JSON.
#[derive(Serialize)]
struct Line<'a> {
    index: u64,
    id: &'a str,
    input: &'a Input,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Trouble>,
    attempts: u32,
    queued_ms: f64,
    ran_ms: f64,
}

impl Writer {
    pub(crate) fn new(form: Form) -> Self {
        Self(form)
    }

    /// What stands above all records.
    pub(crate) fn header(&self) -> Option<String> {
        match self.0 {
            Form::Jsonl | Form::Values => None,
            Form::Csv => Some(table::line(table::COLUMNS, b',')),
            Form::Tsv => Some(table::line(table::COLUMNS, b'\t')),
            Form::Joblog => Some(table::JOBLOG.join("\t")),
        }
    }

    /// A record in one line, unless it is not to be written.
    pub(crate) fn line(&self, record: &Record, target: &Target) -> Option<String> {
        match self.0 {
            Form::Values => record.result.as_ref().ok().map(|value| value.in_words().into_owned()),
            Form::Jsonl => Some(json(record)),
            Form::Csv => Some(table::line(table::cells(record), b',')),
            Form::Tsv => Some(table::line(table::cells(record), b'\t')),
            Form::Joblog => Some(table::joblog(record, target)),
        }
    }
}

fn json(record: &Record) -> String {
    let raw = |value: &Value| RawValue::from_string(value.json()).ok();
    let (value, value_base64) = match &record.result {
        Ok(value @ Value::Bytes(_)) => (None, raw(value)),
        Ok(value) => (raw(value), None),
        Err(_) => (None, None),
    };
    let line = Line {
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
