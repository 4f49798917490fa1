//! Rows with a header: CSV and TSV.

use std::cell::RefCell;
use std::collections::BTreeMap;

use csv::{ErrorKind, ReaderBuilder, StringRecord};
use mesero_target::item::{ItemField, ItemInput};
use mesero_terminal::units::plural;
use tokio::sync::oneshot;

use super::batches::{BatchSender, FlushingReader, ReceiverClosed};
use super::item::{BadInput, BadInputScope, InputEntry};

/// The names of the columns, or an error of the header.
pub(super) type ColumnNames = Result<Vec<String>, String>;

/// A reader of a table.
pub(super) struct TableReader<'a> {
    pub(super) delimiter: u8,
    pub(super) batches: &'a RefCell<BatchSender>,
    /// Receives the header before the first row is read.
    pub(super) header_tx: oneshot::Sender<ColumnNames>,
}

impl TableReader<'_> {
    /// Reads all rows and sends their items.
    pub(super) fn read(self, source: FlushingReader) -> Result<(), ReceiverClosed> {
        let mut reader = ReaderBuilder::new().delimiter(self.delimiter).from_reader(source);
        let header = match reader.headers() {
            Ok(header) => column_names(header),
            Err(error) => Err(error.to_string()),
        };
        let usable = header.as_ref().ok().cloned();
        self.header_tx.send(header).map_err(|_| ReceiverClosed)?;
        let Some(names) = usable else { return Err(ReceiverClosed) };
        let mut row = StringRecord::new();
        loop {
            let entry = match reader.read_record(&mut row) {
                Ok(false) => return Ok(()),
                Ok(true) => {
                    let cells = row.iter().map(|cell| ItemField::Text(cell.to_owned()));
                    let fields = names.iter().cloned().zip(cells).collect::<BTreeMap<_, _>>();
                    let line = row.position().map(csv::Position::line);
                    Ok(InputEntry { line, input: ItemInput::Fields(fields) })
                }
                Err(error) => Err(bad_row(&error)),
            };
            let is_over = matches!(&entry, Err(bad) if bad.scope == BadInputScope::RestOfInput);
            self.batches.borrow_mut().push(entry, row.as_slice().len() + row.len())?;
            if is_over {
                return Ok(());
            }
        }
    }
}

fn column_names(header: &StringRecord) -> ColumnNames {
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

fn bad_row(error: &csv::Error) -> BadInput {
    let line = error.position().map(csv::Position::line);
    let (why, scope) = match error.kind() {
        ErrorKind::Io(error) => {
            (format!("the rest of the input is unreadable: {error}"), BadInputScope::RestOfInput)
        }
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let cells = plural(*len, "cell", "cells");
            (format!("{cells}, but the header has {expected_len}"), BadInputScope::Item)
        }
        ErrorKind::Utf8 { .. } => ("not UTF-8".to_owned(), BadInputScope::Item),
        _ => (error.to_string(), BadInputScope::Item),
    };
    BadInput { line, text: String::new(), why, scope }
}
