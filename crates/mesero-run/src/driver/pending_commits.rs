//! Results that the journal has not committed to disk yet, and which therefore do not count.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use crate::journal::Journal;
use crate::output::record::ItemRecord;
use crate::output::value::ResultValue;

/// Results that wait for the journal, in the order in which they were added. Dropping them loses them for this run; the
/// journal still writes their lines.
#[derive(Debug)]
pub(crate) struct PendingCommits {
    pub(crate) journal: Arc<Journal>,
    pending: VecDeque<PendingRecord>,
    /// The part of the journal that is known to be on disk.
    synced: u64,
    /// The size of the pending values.
    bytes: usize,
    is_broken: bool,
}

#[derive(Debug)]
struct PendingRecord {
    record: ItemRecord,
    /// The end of its line in the journal.
    line_end: u64,
}

/// The number of results, or of bytes in their values, from which on no result should be added before some are on disk.
const FULL_RECORDS: usize = 1024;
const FULL_BYTES: usize = 1024 * 1024;

impl PendingCommits {
    pub(crate) fn new(journal: Arc<Journal>) -> Self {
        Self { journal, pending: VecDeque::new(), synced: 0, bytes: 0, is_broken: false }
    }

    /// Adds a result, and returns the number of pending ones. If the journal can no longer be written, the result is
    /// dropped.
    pub(super) fn add(&mut self, record: ItemRecord) -> usize {
        if let Some(line_end) = self.journal.record_finish(&record) {
            self.bytes += value_bytes(&record);
            self.pending.push_back(PendingRecord { record, line_end });
        }
        self.pending.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.pending.len() >= FULL_RECORDS || self.bytes >= FULL_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Whether the journal can no longer be written.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Waits until more results are committed; without pending ones, waits for an error. Dropping the future has no
    /// effect.
    ///
    /// # Errors
    /// If the other results cannot be committed; they are dropped. After this error the future never completes.
    pub(super) async fn wait_for_commits(&mut self) -> io::Result<()> {
        if self.is_broken {
            return std::future::pending().await;
        }
        let next = self.pending.partition_point(|pending| pending.line_end <= self.synced);
        let end = self.pending.get(next).map_or(u64::MAX, |pending| pending.line_end);
        match self.journal.synced(end).await {
            Ok(synced) => self.synced = synced,
            Err(error) => {
                self.is_broken = true;
                self.pending.truncate(next);
                return Err(io::Error::new(error.kind(), error.to_string()));
            }
        }
        Ok(())
    }

    /// Whether the first pending result is committed.
    pub(super) fn has_committed(&self) -> bool {
        self.pending.front().is_some_and(|pending| pending.line_end <= self.synced)
    }

    /// Removes the first pending result, if it is committed.
    pub(super) fn pop_committed(&mut self) -> Option<ItemRecord> {
        if !self.has_committed() {
            return None;
        }
        let PendingRecord { record, .. } = self.pending.pop_front()?;
        self.bytes -= value_bytes(&record);
        Some(record)
    }
}

fn value_bytes(record: &ItemRecord) -> usize {
    record.result.as_ref().map_or(0, ResultValue::len)
}
