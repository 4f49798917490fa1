//! Records as rows: CSV, TSV, and the job log of GNU parallel.

use std::time::{Duration, SystemTime};

use csv::WriterBuilder;
use mesero_target::Target;
use mesero_target::item::Input;
use rustix::process::Signal;

use super::record::{ItemRecord, ItemStatus, Traffic};

/// The columns of a table.
pub(super) const COLUMNS: [&str; 9] =
    ["index", "id", "status", "attempts", "queued_ms", "ran_ms", "input", "value", "error"];

/// The columns of a job log.
pub(super) const JOBLOG: [&str; 9] =
    ["Seq", "Host", "Starttime", "JobRuntime", "Send", "Receive", "Exitval", "Signal", "Command"];

/// A row, without its end.
pub(super) fn line<T: AsRef<[u8]>>(cells: impl IntoIterator<Item = T>, delimiter: u8) -> String {
    let mut writer = WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
    // Memory can always be written to.
    let _ = writer.write_record(cells);
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned()
}

pub(super) fn cells(record: &ItemRecord) -> [String; 9] {
    let input = match &record.item.input {
        Input::Text(text) => text.clone(),
        other => other.json(),
    };
    let value = record.result.as_ref().map(|value| value.display_text().into_owned());
    [
        record.item.index.to_string(),
        record.item.id.clone(),
        record.status().as_str().to_owned(),
        record.attempts.to_string(),
        milliseconds(record.queued).to_string(),
        milliseconds(record.ran).to_string(),
        input,
        value.unwrap_or_default(),
        record.result.as_ref().err().map_or_else(String::new, |error| error.message.clone()),
    ]
}

/// A line of a job log.
pub(super) fn joblog(record: &ItemRecord, target: &Target) -> String {
    let started = record.ended.checked_sub(record.ran).unwrap_or(record.ended);
    let started = started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (exit, signal) = exit(record, target);
    // No field of a job log can have a tab or a line end in it.
    let shown = target.shown(&record.item.input).replace(['\t', '\n', '\r'], " ");
    let Traffic { sent, received } = record.traffic;
    format!(
        "{}\t:\t{:.3}\t{:10.3}\t{sent}\t{received}\t{exit}\t{signal}\t{shown}",
        record.item.index + 1,
        started.as_secs_f64(),
        record.ran.as_secs_f64(),
    )
}

/// The exit code and the signal, as GNU parallel writes them: the code is 0 where a signal ended it, and -1 where it was
/// given up, which for a command begins with a SIGTERM. What has no exit code has 0 or 1.
fn exit(record: &ItemRecord, target: &Target) -> (i32, i32) {
    let Err(error) = &record.result else { return (0, 0) };
    match (error.status, error.exit_code, error.signal) {
        (_, Some(code), _) => (code, 0),
        (_, None, Some(signal)) => (0, signal),
        (ItemStatus::TimedOut | ItemStatus::Expired | ItemStatus::Canceled, ..) => {
            let was_told_to_end = target.is_command() && record.attempts > 0;
            (-1, if was_told_to_end { Signal::TERM.as_raw() } else { 0 })
        }
        _ => (1, 0),
    }
}

/// To the microsecond, which is all that makes sense.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1_000.0
}
