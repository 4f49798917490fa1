//! One item per line: texts, or JSON values.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read};

use mesero_target::item::ItemInput;

use super::batches::{BatchSender, FlushingReader, ReceiverClosed};
use super::item::{BadInput, BadInputScope, InputEntry};

/// The maximum length of a line, with its end.
const MAX_LINE_BYTES: u64 = 16 * 1024 * 1024;
const BUFFER_BYTES: usize = 64 * 1024;

/// A parser of one line: an item, none for a line without a value, or an error.
pub(super) type ParseLine = dyn Fn(String) -> Result<Option<ItemInput>, LineError>;

/// A line that is not an item.
pub(super) struct LineError {
    text: String,
    why: String,
}

/// Reads all lines and sends their items.
pub(super) fn read(
    source: FlushingReader,
    batches: &RefCell<BatchSender>,
    parse: &ParseLine,
) -> Result<(), ReceiverClosed> {
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, source);
    let (mut line, mut number) = (Vec::new(), 0);
    loop {
        line.clear();
        number += 1;
        let read = (&mut reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
        let bad =
            |scope, LineError { text, why }| Err(BadInput { line: Some(number), text, why, scope });
        let end_of_input = |why| {
            let error = LineError { text: String::new(), why };
            batches.borrow_mut().push(bad(BadInputScope::RestOfInput, error), 0)
        };
        let bytes = match read {
            Ok(0) => return Ok(()),
            Ok(bytes) => bytes,
            Err(error) => {
                return end_of_input(format!("the rest of the input is unreadable: {error}"));
            }
        };
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if bytes as u64 == MAX_LINE_BYTES {
            return end_of_input(format!("longer than {MAX_LINE_BYTES} bytes"));
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if number == 1 && line.starts_with(b"\xef\xbb\xbf") {
            line.drain(..3);
        }
        let entry = match std::str::from_utf8(&line) {
            Ok(text) => match parse(text.to_owned()) {
                Ok(Some(input)) => Ok(InputEntry { line: Some(number), input }),
                Ok(None) => continue,
                Err(error) => bad(BadInputScope::Item, error),
            },
            Err(_) => {
                let text = String::from_utf8_lossy(&line).into_owned();
                bad(BadInputScope::Item, LineError { text, why: "not UTF-8".to_owned() })
            }
        };
        batches.borrow_mut().push(entry, bytes)?;
    }
}

/// Parses a line as JSON; a blank line has no value.
pub(super) fn json(text: String) -> Result<Option<ItemInput>, LineError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    match ItemInput::of_json(&text) {
        Ok(input) => Ok(Some(input)),
        Err(error) => {
            // The parser sees a single line: its line number is always 1, and would be confusing.
            let why = error.to_string();
            let why = why.split(" at line ").next().unwrap_or_default();
            let why = format!("not JSON: {why} at column {}", error.column());
            Err(LineError { text, why })
        }
    }
}
