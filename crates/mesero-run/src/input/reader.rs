//! The thread that reads a file or standard input, at most two batches ahead of the scheduler.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use mesero_target::item::ItemInput;
use tokio::sync::{mpsc, oneshot};

use super::batches::{BatchSender, FlushingReader, ReadProgress};
use super::format::InputFormat;
use super::item::EntryResult;
use super::lines;
use super::table::TableReader;

/// The receiving side of a reading thread, which ends after the input's end or when `batches` is dropped.
pub(super) struct StartedReader {
    pub(super) batches: mpsc::Receiver<Vec<EntryResult>>,
    pub(super) progress: Arc<ReadProgress>,
    /// The names of the columns, if the format has a header.
    pub(super) header: Option<Vec<String>>,
}

/// Starts the reading thread, and waits for the header if the format has one.
///
/// Dropping the future ends the thread at its next read; a read of a terminal or a pipe that blocks lasts until the
/// process exits.
///
/// # Errors
/// If the file cannot be opened or its header cannot be read; a fragment that follows "failed to".
pub(super) async fn start(
    path: Option<PathBuf>,
    format: InputFormat,
) -> Result<StartedReader, String> {
    let progress = Arc::new(ReadProgress::default());
    let (name, from): (_, Box<dyn Read + Send>) = match path {
        None => ("standard input".to_owned(), Box::new(io::stdin())),
        Some(path) => {
            let name = format!("`{}`", path.display());
            let opened = File::open(&path).and_then(|file| Ok((file.metadata()?, file)));
            let (metadata, file) =
                opened.map_err(|error| format!("read the input {name}: {error}"))?;
            if metadata.is_dir() {
                return Err(format!("read the input {name}: it is a folder; name a file in it"));
            }
            progress.size.store(metadata.len(), Relaxed);
            (name, Box::new(file))
        }
    };
    let (sender, batches) = BatchSender::new(Arc::clone(&progress));
    let (header_tx, header_rx) = oneshot::channel();
    let read = move || {
        let batches = Rc::new(RefCell::new(sender));
        let source = FlushingReader { from, batches: Rc::clone(&batches) };
        let table = |delimiter| TableReader { delimiter, batches: &batches, header_tx };
        // Without a receiver the thread has nothing left to do.
        let _ = match format {
            InputFormat::Lines => {
                lines::read(source, &batches, &|text| Ok(Some(ItemInput::Text(text))))
            }
            InputFormat::Jsonl => lines::read(source, &batches, &lines::json),
            InputFormat::Csv => table(b',').read(source),
            InputFormat::Tsv => table(b'\t').read(source),
        };
        batches.borrow_mut().end();
    };
    let thread = thread::Builder::new().name("mesero-input".to_owned()).spawn(read);
    thread.map_err(|error| format!("start the thread that reads the input: {error}"))?;
    let header = match format {
        InputFormat::Lines | InputFormat::Jsonl => None,
        InputFormat::Csv | InputFormat::Tsv => match header_rx.await {
            Ok(header) => Some(header.map_err(|why| format!("read the header of {name}: {why}"))?),
            Err(_) => return Err(format!("read the header of {name}: the reading thread ended")),
        },
    };
    Ok(StartedReader { batches, progress, header })
}
