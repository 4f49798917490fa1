//! Records as rows: CSV, TSV, and the job log of GNU parallel.

use std::time::SystemTime;

use csv::WriterBuilder;
use mesero_target::Target;
use mesero_target::item::ItemInput;
use mesero_terminal::units::fractional_milliseconds;
use rustix::process::Signal;

use super::record::{ItemRecord, Traffic};
use super::status::ItemStatus;

/// The columns of a table.
pub(super) const COLUMNS: [&str; 9] =
    ["index", "id", "status", "attempts", "queued_ms", "ran_ms", "input", "value", "error"];

/// The columns of a job log.
pub(super) const JOBLOG: [&str; 9] =
    ["Seq", "Host", "Starttime", "JobRuntime", "Send", "Receive", "Exitval", "Signal", "Command"];

/// A row, without its line end.
pub(super) fn line<T: AsRef<[u8]>>(cells: impl IntoIterator<Item = T>, delimiter: u8) -> String {
    let mut writer = WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
    // Writing to memory does not fail.
    let _ = writer.write_record(cells);
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned()
}

pub(super) fn cells(record: &ItemRecord) -> [String; 9] {
    let input = match &record.item.input {
        ItemInput::Text(text) => text.clone(),
        other => other.json(),
    };
    let value = record.result.as_ref().map(|value| value.display_text().into_owned());
    [
        record.item.index.to_string(),
        record.item.id.clone(),
        record.status().as_str().to_owned(),
        record.attempts.to_string(),
        fractional_milliseconds(record.queued).to_string(),
        fractional_milliseconds(record.ran).to_string(),
        input,
        value.unwrap_or_default(),
        record.result.as_ref().err().map_or_else(String::new, |error| error.message.clone()),
    ]
}

/// A line of a job log.
pub(super) fn joblog(record: &ItemRecord, target: &Target) -> String {
    let started = record.ended.checked_sub(record.ran).unwrap_or(record.ended);
    let started = started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let JobExit { code, signal } = exit(record, target);
    // Fields of a job log contain neither tabs nor line ends.
    let shown = target.shown(&record.item.input).replace(['\t', '\n', '\r'], " ");
    let Traffic { sent, received } = record.traffic;
    format!(
        "{}\t:\t{:.3}\t{:10.3}\t{sent}\t{received}\t{code}\t{signal}\t{shown}",
        record.item.index + 1,
        started.as_secs_f64(),
        record.ran.as_secs_f64(),
    )
}

/// The exit of a job, as in a job log.
struct JobExit {
    code: i32,
    signal: i32,
}

/// The exit of an item, as GNU parallel writes it: code 0 beside a signal, -1 for a job that was stopped (a command
/// receives SIGTERM first), and 0 or 1 for targets without exit codes.
fn exit(record: &ItemRecord, target: &Target) -> JobExit {
    let Err(error) = &record.result else { return JobExit { code: 0, signal: 0 } };
    match (error.status, error.exit_code, error.signal) {
        (_, Some(code), _) => JobExit { code, signal: 0 },
        (_, None, Some(signal)) => JobExit { code: 0, signal },
        (ItemStatus::TimedOut | ItemStatus::Expired | ItemStatus::Canceled, ..) => {
            let was_terminated = target.is_command() && record.attempts > 0;
            let signal = if was_terminated { Signal::TERM.as_raw() } else { 0 };
            JobExit { code: -1, signal }
        }
        _ => JobExit { code: 1, signal: 0 },
    }
}
