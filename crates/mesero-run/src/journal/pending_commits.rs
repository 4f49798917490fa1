//! Results on their way: they count as soon as the journal has them.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use super::{Journal, Kept};
use crate::output::record::{Record, Value};

/// Results that wait for the journal, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Keeping {
    pub(crate) journal: Arc<Journal>,
    /// With where the journal ends when it has them.
    waiting: VecDeque<(u64, Record)>,
    /// How far the journal is known to be on disk.
    synced: u64,
    /// What the values that wait take.
    bytes: usize,
    broken: bool,
}

/// From so many results, or bytes of values, on nothing more is put in before the disk has some of it.
const FULL: usize = 1024;
const FULL_BYTES: usize = 1024 * 1024;

impl Keeping {
    pub(crate) fn new(journal: Arc<Journal>) -> Self {
        Self { journal, waiting: VecDeque::new(), synced: 0, bytes: 0, broken: false }
    }

    /// Takes a result, and says how many wait. When nothing more can be kept it is dropped, and its item has no result.
    pub(crate) fn add(&mut self, record: Record) -> usize {
        if let Some(end) = self.journal.finish(&record) {
            self.bytes += record.result.as_ref().map_or(0, Value::len);
            self.waiting.push_back((end, record));
        }
        self.waiting.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= FULL || self.bytes >= FULL_BYTES
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether nothing can be kept any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Waits until the journal has more of them than before; when it has all, it waits for an error. Dropping the future
    /// changes nothing.
    ///
    /// # Errors
    /// If it never will have the others, which are lost then; asked only once.
    pub(crate) async fn hear(&mut self) -> io::Result<()> {
        if self.broken {
            return std::future::pending().await;
        }
        let next = self.waiting.partition_point(|(end, _)| *end <= self.synced);
        let end = self.waiting.get(next).map_or(u64::MAX, |(end, _)| *end);
        match self.journal.committer.synced(end).await {
            Ok(synced) => self.synced = synced,
            Err(error) => {
                self.broken = true;
                self.waiting.truncate(next);
                return Err(io::Error::new(error.kind(), error.to_string()));
            }
        }
        Ok(())
    }

    /// Whether the journal has the first of them.
    pub(crate) fn has_kept(&self) -> bool {
        self.waiting.front().is_some_and(|(end, _)| *end <= self.synced)
    }

    /// The first of them, if the journal has it.
    pub(crate) fn next(&mut self) -> Option<Record> {
        if !self.has_kept() {
            return None;
        }
        let (_, record) = self.waiting.pop_front()?;
        self.bytes -= record.result.as_ref().map_or(0, Value::len);
        Some(record)
    }

    /// The result in the line at this byte.
    ///
    /// # Errors
    /// If there is none; reads on after "failed to".
    pub(crate) fn kept(&self, at: u64) -> Result<Kept, String> {
        self.journal.kept(at)
    }
}
