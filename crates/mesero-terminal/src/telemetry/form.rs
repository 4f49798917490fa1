//! The formats of log lines: text for people, logfmt, and JSON.

use std::fmt::Write;
use std::time::SystemTime;

use humantime::format_rfc3339_millis;
use serde_json::{Map, Value};
use tracing::Level;

use super::record::LogRecord;
use crate::output::{is_unseen, visible};

/// The format of log lines.
///
/// In every format, an untrusted text can neither begin a line of its own nor control the terminal.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    Text { color: bool },
    Logfmt,
    Json,
}

impl Form {
    /// The line, its end included.
    pub(super) fn write(self, record: &LogRecord) -> String {
        self.write_at(SystemTime::now(), record)
    }

    /// The line that reports the number of dropped lines.
    pub(super) fn dropped(self, lines: u64) -> String {
        let mut record = LogRecord::new(Level::WARN, module_path!());
        "log lines were dropped: stderr is read too slowly".clone_into(&mut record.message);
        record.fields.push(("dropped", lines.into()));
        self.write(&record)
    }

    fn write_at(self, at: SystemTime, record: &LogRecord) -> String {
        let at = format_rfc3339_millis(at).to_string();
        let mut line = match self {
            Form::Text { color } => text(&at, record, color),
            Form::Logfmt => logfmt(&at, record),
            Form::Json => json(&at, record),
        };
        line.push('\n');
        line
    }
}

fn text(at: &str, record: &LogRecord, color: bool) -> String {
    // The reader knows the date.
    let time = at.split_once('T').map_or(at, |(_, time)| time);
    let level = record.level.as_str();
    let mut line = if color {
        format!("{time} \x1b[{}m{level:<5}\x1b[0m ", shade(record.level))
    } else {
        format!("{time} {level:<5} ")
    };
    line.extend(record.message.chars().flat_map(visible));
    let mut below = String::new();
    for (name, value) in &record.fields {
        match value {
            Value::String(text) if text.contains('\n') => {
                for row in text.lines() {
                    below.push_str("\n    ");
                    below.extend(row.chars().flat_map(visible));
                }
            }
            value => {
                line.extend([" ", name, "="]);
                push_value(&mut line, value);
            }
        }
    }
    line + &below
}

fn shade(level: Level) -> &'static str {
    match level {
        Level::ERROR => "31",
        Level::WARN => "33",
        Level::INFO => "32",
        _ => "2",
    }
}

fn logfmt(at: &str, record: &LogRecord) -> String {
    let level = record.level.as_str().to_ascii_lowercase();
    let mut line = format!("time={at} level={level} target={} msg=", record.target);
    push_quoted(&mut line, &record.message);
    for (name, value) in &record.fields {
        line.extend([" ", name, "="]);
        push_value(&mut line, value);
    }
    line
}

fn json(at: &str, record: &LogRecord) -> String {
    let level = record.level.as_str().to_ascii_lowercase();
    let mut members = Map::new();
    for (name, value) in &record.fields {
        members.insert((*name).to_owned(), value.clone());
    }
    members.insert("time".to_owned(), at.into());
    members.insert("level".to_owned(), level.into());
    members.insert("target".to_owned(), record.target.into());
    members.insert("message".to_owned(), record.message.clone().into());
    Value::Object(members).to_string()
}

/// Quotes a text only where it would be ambiguous without.
fn push_value(line: &mut String, value: &Value) {
    match value {
        Value::String(text) if text.is_empty() || text.chars().any(needs_quotes) => {
            push_quoted(line, text);
        }
        Value::String(text) => line.push_str(text),
        // Writing into a String does not fail.
        value => _ = write!(line, "{value}"),
    }
}

fn needs_quotes(character: char) -> bool {
    matches!(character, ' ' | '"' | '=' | '\\') || is_unseen(character)
}

fn push_quoted(line: &mut String, text: &str) {
    line.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => line.extend(['\\', character]),
            character => line.extend(visible(character)),
        }
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> LogRecord {
        let mut record = LogRecord::new(Level::WARN, "mesero::jobs");
        "job failed".clone_into(&mut record.message);
        record.fields.push(("job.id", "square-17".into()));
        record.fields.push(("ran_ms", 3.into()));
        record.fields.push(("error", "not \"fine\"\x1b[2J".into()));
        record.fields.push(("detail", "Traceback\n  line 1\nlevel=error".into()));
        record
    }

    #[test]
    fn people_get_a_line_with_the_traceback_below_it() {
        let line = Form::Text { color: false }.write_at(SystemTime::UNIX_EPOCH, &record());
        let expected = "00:00:00.000Z WARN  job failed job.id=square-17 ran_ms=3 \
                        error=\"not \\\"fine\\\"\\u{1b}[2J\"\n    Traceback\n      line 1\n    \
                        level=error\n";
        assert_eq!(line, expected);
    }

    #[test]
    fn logfmt_keeps_everything_on_one_line() {
        let line = Form::Logfmt.write_at(SystemTime::UNIX_EPOCH, &record());
        let expected = "time=1970-01-01T00:00:00.000Z level=warn target=mesero::jobs \
                        msg=\"job failed\" job.id=square-17 ran_ms=3 \
                        error=\"not \\\"fine\\\"\\u{1b}[2J\" \
                        detail=\"Traceback\\n  line 1\\nlevel=error\"\n";
        assert_eq!(line, expected);
    }

    #[test]
    fn json_is_one_object_a_line() {
        let line = Form::Json.write_at(SystemTime::UNIX_EPOCH, &record());
        assert_eq!(line.matches('\n').count(), 1);
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["message"], "job failed");
        assert_eq!(read["ran_ms"], 3);
        assert_eq!(read["detail"], "Traceback\n  line 1\nlevel=error");
    }
}
