//! Rows under a header: CSV and its sister with tabs.

use std::cell::RefCell;
use std::collections::BTreeMap;

use csv::{ErrorKind, ReaderBuilder, StringRecord};
use mesero_target::item::{Input, ItemField};
use mesero_terminal::counted::counted;
use tokio::sync::oneshot;

use super::feed::InputEntry;
use super::reader::{BatchSender, FlushingReader, ReceiverClosed};
use super::{BadInput, BadInputScope};

/// The columns' names, or why there are none.
pub(super) type ColumnNames = Result<Vec<String>, String>;

/// Reads all rows; tells the header first.
pub(super) fn read(
    source: FlushingReader,
    delimiter: u8,
    (batches, header_tx): (&RefCell<BatchSender>, oneshot::Sender<ColumnNames>),
) -> Result<(), ReceiverClosed> {
    let mut reader = ReaderBuilder::new().delimiter(delimiter).from_reader(source);
    let header = match reader.headers() {
        Ok(header) => names(header),
        Err(error) => Err(error.to_string()),
    };
    let usable = header.as_ref().ok().cloned();
    header_tx.send(header).map_err(|_| ReceiverClosed)?;
    let Some(names) = usable else { return Err(ReceiverClosed) };
    let mut row = StringRecord::new();
    loop {
        let entry = match reader.read_record(&mut row) {
            Ok(false) => return Ok(()),
            Ok(true) => {
                let cells = row.iter().map(|cell| ItemField::Text(cell.to_owned()));
                let fields = names.iter().cloned().zip(cells).collect::<BTreeMap<_, _>>();
                let line = row.position().map(csv::Position::line);
                Ok(InputEntry { line, input: Input::Fields(fields) })
            }
            Err(error) => Err(bad(&error)),
        };
        let is_over = matches!(&entry, Err(bad) if bad.scope == BadInputScope::Input);
        batches.borrow_mut().push(entry, row.as_slice().len() + row.len())?;
        if is_over {
            return Ok(());
        }
    }
}

fn names(header: &StringRecord) -> ColumnNames {
    let names: Vec<_> = header.iter().map(str::to_owned).collect();
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(format!("column {} has no name", index + 1));
        }
        if names[..index].contains(name) {
            return Err(format!("two columns are called `{name}`"));
        }
    }
    Ok(names)
}

fn bad(error: &csv::Error) -> BadInput {
    let line = error.position().map(csv::Position::line);
    let (why, scope) = match error.kind() {
        ErrorKind::Io(error) => {
            (format!("the input cannot be read on: {error}"), BadInputScope::Input)
        }
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let cells = counted(*len, "cell", "cells");
            (format!("it has {cells}, and the header {expected_len}"), BadInputScope::Item)
        }
        ErrorKind::Utf8 { .. } => ("it is not UTF-8".to_owned(), BadInputScope::Item),
        _ => (error.to_string(), BadInputScope::Item),
    };
    BadInput { line, text: String::new(), why, scope }
}
