//! The thread that reads a file or standard input, and stays only a little ahead of those who work on it.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;

use mesero_target::item::Input;
use tokio::sync::{mpsc, oneshot};

use super::feed::{Entry, InputEntry};
use super::{BadInput, BadInputScope, table};

/// How an input is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum InputFormat {
    /// An item a line
    Lines,
    /// A JSON value a line
    Jsonl,
    /// Comma-separated values under a header
    Csv,
    /// Values separated by tabs, under a header
    Tsv,
}

/// How much of an input has become items.
#[derive(Debug, Default)]
pub(crate) struct ReadProgress {
    /// The size of the file; 0 where it is not known.
    pub(crate) size: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) items: AtomicU64,
    pub(crate) ended: AtomicBool,
}

/// Batches that are read and not yet worked on.
const MAX_BATCHES: usize = 2;
/// A batch goes on its way when it has so many items, or bytes, or when reading would wait.
const BATCH_ITEMS: usize = 256;
const BATCH_BYTES: usize = 64 * 1024;
/// A line that is longer is no line.
const MAX_LINE_BYTES: u64 = 16 * 1024 * 1024;
const BUFFER_BYTES: usize = 64 * 1024;

impl InputFormat {
    /// What a file's name suggests.
    pub(crate) fn of(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("jsonl" | "ndjson" | "json") => Self::Jsonl,
            Some("csv") => Self::Csv,
            Some("tsv") => Self::Tsv,
            _ => Self::Lines,
        }
    }
}

type StartedReader = (mpsc::Receiver<Vec<Entry>>, Arc<ReadProgress>, Option<Vec<String>>);

/// Starts to read, and waits for the header where there is one.
///
/// # Errors
/// If the file cannot be opened, or its header be read; reads on after "failed to".
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
            let (about, file) =
                opened.map_err(|error| format!("read the input {name}: {error}"))?;
            if about.is_dir() {
                return Err(format!("read the input {name}: it is a folder; name a file in it"));
            }
            progress.size.store(about.len(), Relaxed);
            (name, Box::new(file))
        }
    };
    let (tx, rx) = mpsc::channel(MAX_BATCHES);
    let (header_tx, header_rx) = oneshot::channel();
    let reader_progress = Arc::clone(&progress);
    let read = move || {
        let batches = Rc::new(RefCell::new(BatchSender {
            tx,
            batch: Vec::new(),
            bytes: 0,
            progress: reader_progress,
        }));
        let source = FlushingReader { from, batches: Rc::clone(&batches) };
        // An error here says that nobody wants to know any more.
        let _ = match format {
            InputFormat::Lines => lines(source, &batches, &|text| Ok(Some(Input::Text(text)))),
            InputFormat::Jsonl => lines(source, &batches, &json),
            InputFormat::Csv => table::read(source, b',', (&batches, header_tx)),
            InputFormat::Tsv => table::read(source, b'\t', (&batches, header_tx)),
        };
        let _ = batches.borrow_mut().flush();
        batches.borrow().progress.ended.store(true, Relaxed);
    };
    let thread = thread::Builder::new().name("mesero-input".to_owned()).spawn(read);
    thread.map_err(|error| format!("start the thread that reads the input: {error}"))?;
    let header = match format {
        InputFormat::Lines | InputFormat::Jsonl => None,
        InputFormat::Csv | InputFormat::Tsv => match header_rx.await {
            Ok(header) => Some(header.map_err(|why| format!("read the header of {name}: {why}"))?),
            Err(_) => {
                return Err(format!("read the header of {name}: the reading thread ended"));
            }
        },
    };
    Ok((rx, progress, header))
}

/// Nobody takes items any more.
pub(super) struct ReceiverClosed;

/// Items on their way, a batch at a time.
pub(super) struct BatchSender {
    tx: mpsc::Sender<Vec<Entry>>,
    batch: Vec<Entry>,
    bytes: usize,
    progress: Arc<ReadProgress>,
}

impl BatchSender {
    /// Adds an entry that took so many bytes. Waits while the batches before it are not worked on.
    pub(super) fn push(&mut self, entry: Entry, bytes: usize) -> Result<(), ReceiverClosed> {
        self.batch.push(entry);
        self.bytes += bytes;
        // Of what is read ahead nothing is known yet.
        self.progress.bytes.fetch_add(bytes as u64, Relaxed);
        self.progress.items.fetch_add(1, Relaxed);
        match self.batch.len() >= BATCH_ITEMS || self.bytes >= BATCH_BYTES {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<(), ReceiverClosed> {
        self.bytes = 0;
        if self.batch.is_empty() {
            return Ok(());
        }
        self.tx.blocking_send(std::mem::take(&mut self.batch)).map_err(|_| ReceiverClosed)
    }
}

/// What is read from. Before it may wait, what was read so far goes on its way.
pub(super) struct FlushingReader {
    from: Box<dyn Read + Send>,
    batches: Rc<RefCell<BatchSender>>,
}

impl Read for FlushingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut batches = self.batches.borrow_mut();
        if batches.flush().is_err() {
            // As good as the end: nobody will ask why.
            return Ok(0);
        }
        self.from.read(buffer)
    }
}

/// What a line is; nothing where it is to be passed over, or why it is no item.
type ParseLine = dyn Fn(String) -> Result<Option<Input>, (String, String)>;

fn lines(
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
        let bad = |scope, text: String, why: String| {
            Err(BadInput { line: Some(number), text, why, scope })
        };
        let bytes = match read {
            Ok(0) => return Ok(()),
            Ok(bytes) => bytes,
            Err(error) => {
                let why = format!("the input cannot be read on: {error}");
                return batches.borrow_mut().push(bad(BadInputScope::Input, String::new(), why), 0);
            }
        };
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if bytes as u64 == MAX_LINE_BYTES {
            let why = format!("it is longer than {MAX_LINE_BYTES} bytes");
            return batches.borrow_mut().push(bad(BadInputScope::Input, String::new(), why), 0);
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
                Err((text, why)) => bad(BadInputScope::Item, text, why),
            },
            Err(_) => {
                let text = String::from_utf8_lossy(&line).into_owned();
                bad(BadInputScope::Item, text, "it is not UTF-8".to_owned())
            }
        };
        batches.borrow_mut().push(entry, bytes)?;
    }
}

fn json(text: String) -> Result<Option<Input>, (String, String)> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    match Input::of_json(&text) {
        Ok(input) => Ok(Some(input)),
        Err(error) => {
            // There is only one line, which has another number here.
            let why = error.to_string();
            let why = why.split(" at line ").next().unwrap_or_default();
            let why = format!("it is no JSON: {why} at column {}", error.column());
            Err((text, why))
        }
    }
}
