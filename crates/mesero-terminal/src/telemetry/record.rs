//! The content of one log line.

use std::fmt;

use serde_json::Value;
use tracing::Level;
use tracing::field::{Field, Visit};

/// The longest text of a field, longer than any useful traceback.
const TEXT_BYTES: usize = 32 * 1_024;

/// The content of a log line.
#[derive(Debug)]
pub(super) struct LogRecord {
    pub(super) level: Level,
    pub(super) target: &'static str,
    pub(super) message: String,
    pub(super) fields: Vec<(&'static str, Value)>,
}

impl LogRecord {
    pub(super) fn new(level: Level, target: &'static str) -> Self {
        Self { level, target, message: String::new(), fields: Vec::new() }
    }

    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => self.fields.push((name, value)),
        }
    }
}

impl Visit for LogRecord {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, cut(format!("{value:?}")).into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, cut(value.to_owned()).into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }
}

/// Keeps the end of a text that is too long, since a traceback ends with the error.
fn cut(text: String) -> String {
    if text.len() <= TEXT_BYTES {
        return text;
    }
    let start = text.ceil_char_boundary(text.len() - TEXT_BYTES);
    format!("[{start} bytes cut] {}", &text[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_long_keeps_its_end() {
        let long = "é".repeat(TEXT_BYTES) + "the end";
        let kept = cut(long);
        assert!(kept.ends_with("éthe end"));
        assert!(kept.starts_with("[32776 bytes cut] é"), "{}", &kept[..40]);
        assert_eq!(cut("short".to_owned()), "short");
    }
}
