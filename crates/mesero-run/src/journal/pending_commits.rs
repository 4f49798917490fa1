//! Results on their way: they count as soon as the journal has them.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use super::{Journal, JournaledResult};
use crate::output::record::{ItemRecord, ResultValue};

/// Results that wait for the journal, in the order in which they came.
#[derive(Debug)]
pub(crate) struct PendingCommits {
    pub(crate) journal: Arc<Journal>,
    /// With where the journal ends when it has them.
    pending: VecDeque<(u64, ItemRecord)>,
    /// How far the journal is known to be on disk.
    synced: u64,
    /// What the values that wait take.
    bytes: usize,
    broken: bool,
}

/// From so many results, or bytes of values, on nothing more is put in before the disk has some of it.
const FULL: usize = 1024;
const FULL_BYTES: usize = 1024 * 1024;

impl PendingCommits {
    pub(crate) fn new(journal: Arc<Journal>) -> Self {
        Self { journal, pending: VecDeque::new(), synced: 0, bytes: 0, broken: false }
    }

    /// Takes a result, and says how many wait. When nothing more can be kept it is dropped, and its item has no result.
    pub(crate) fn add(&mut self, record: ItemRecord) -> usize {
        if let Some(end) = self.journal.record_finish(&record) {
            self.bytes += record.result.as_ref().map_or(0, ResultValue::len);
            self.pending.push_back((end, record));
        }
        self.pending.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.pending.len() >= FULL || self.bytes >= FULL_BYTES
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty()
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
    pub(crate) async fn changed(&mut self) -> io::Result<()> {
        if self.broken {
            return std::future::pending().await;
        }
        let next = self.pending.partition_point(|(end, _)| *end <= self.synced);
        let end = self.pending.get(next).map_or(u64::MAX, |(end, _)| *end);
        match self.journal.committer.synced(end).await {
            Ok(synced) => self.synced = synced,
            Err(error) => {
                self.broken = true;
                self.pending.truncate(next);
                return Err(io::Error::new(error.kind(), error.to_string()));
            }
        }
        Ok(())
    }

    /// Whether the journal has the first of them.
    pub(crate) fn has_committed(&self) -> bool {
        self.pending.front().is_some_and(|(end, _)| *end <= self.synced)
    }

    /// The first of them, if the journal has it.
    pub(crate) fn next_committed(&mut self) -> Option<ItemRecord> {
        if !self.has_committed() {
            return None;
        }
        let (_, record) = self.pending.pop_front()?;
        self.bytes -= record.result.as_ref().map_or(0, ResultValue::len);
        Some(record)
    }

    /// The result in the line at this byte.
    ///
    /// # Errors
    /// If there is none; reads on after "failed to".
    pub(crate) fn read_result(&self, at: u64) -> Result<JournaledResult, String> {
        self.journal.read_result(at)
    }
}
