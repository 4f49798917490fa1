//! Batches of entries, from the reading thread to the scheduler.

use std::cell::RefCell;
use std::io::{self, Read};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use tokio::sync::mpsc;

use super::item::EntryResult;

/// Batches that were read and that the scheduler has not received yet.
const MAX_BATCHES: usize = 2;
/// A batch is sent when it has this many entries, this many bytes, or when the next read may block.
const BATCH_ITEMS: usize = 256;
const BATCH_BYTES: usize = 64 * 1024;

/// The part of an input that was read.
#[derive(Debug, Default)]
pub(crate) struct ReadProgress {
    /// The size of the file; 0 if unknown.
    pub(crate) size: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) items: AtomicU64,
    pub(crate) ended: AtomicBool,
}

/// The receiver is gone: the run needs no further items.
pub(super) struct ReceiverClosed;

/// The sending side: collects entries, and sends them as batches.
pub(super) struct BatchSender {
    tx: mpsc::Sender<Vec<EntryResult>>,
    batch: Vec<EntryResult>,
    bytes: usize,
    progress: Arc<ReadProgress>,
}

impl BatchSender {
    pub(super) fn new(progress: Arc<ReadProgress>) -> (Self, mpsc::Receiver<Vec<EntryResult>>) {
        let (tx, rx) = mpsc::channel(MAX_BATCHES);
        (Self { tx, batch: Vec::new(), bytes: 0, progress }, rx)
    }

    /// Adds an entry that took `bytes` of the input. Blocks while the receiver has two batches that it has not
    /// processed.
    pub(super) fn push(&mut self, entry: EntryResult, bytes: usize) -> Result<(), ReceiverClosed> {
        self.batch.push(entry);
        self.bytes += bytes;
        // Only bytes of complete entries count, not what is buffered ahead.
        self.progress.bytes.fetch_add(bytes as u64, Relaxed);
        self.progress.items.fetch_add(1, Relaxed);
        if self.batch.len() >= BATCH_ITEMS || self.bytes >= BATCH_BYTES {
            return self.flush();
        }
        Ok(())
    }

    /// Sends the entries that were collected, and blocks as [`push`](Self::push) does.
    fn flush(&mut self) -> Result<(), ReceiverClosed> {
        self.bytes = 0;
        if self.batch.is_empty() {
            return Ok(());
        }
        self.tx.blocking_send(std::mem::take(&mut self.batch)).map_err(|_| ReceiverClosed)
    }

    /// Sends the last batch, and marks the input as read to its end.
    pub(super) fn end(&mut self) {
        // Without a receiver, the last batch is not needed.
        let _ = self.flush();
        self.progress.ended.store(true, Relaxed);
    }
}

/// A reader that sends the collected entries before each read, since a read may block for long.
pub(super) struct FlushingReader {
    pub(super) from: Box<dyn Read + Send>,
    pub(super) batches: Rc<RefCell<BatchSender>>,
}

impl Read for FlushingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut batches = self.batches.borrow_mut();
        if batches.flush().is_err() {
            // Without a receiver, the input may end here.
            return Ok(0);
        }
        self.from.read(buffer)
    }
}
