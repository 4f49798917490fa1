//! The outcomes of rows in all passes.

use std::collections::HashSet;

use crate::migrate::messages::RunMessages;
use crate::migrate::session::SessionError;
use crate::rows::counts::RowCounts;
use crate::rows::key::RowKey;

/// Counts the outcomes of rows, and remembers the failed ones.
#[derive(Debug, Default)]
pub(crate) struct RowTally {
    pub(crate) counts: RowCounts,
    /// Rows that are not tried again.
    failed: HashSet<RowKey>,
}

impl RowTally {
    /// Returns whether a row failed in this run.
    pub(crate) fn has_failed(&self, key: &RowKey) -> bool {
        self.failed.contains(key)
    }

    /// Counts a row that could not be hashed or written; the first few are reported.
    ///
    /// # Errors
    /// If many rows failed and none succeeded: the rest would fail too.
    pub(crate) fn record_failure(
        &mut self,
        key: &RowKey,
        why: &str,
        messages: &mut RunMessages<'_>,
    ) -> Result<(), SessionError> {
        const REPORTED: usize = 10;
        const HOPELESS: usize = 100;
        self.counts.failed += 1;
        self.failed.insert(key.clone());
        match self.failed.len() {
            ..=REPORTED => {
                messages.print(&format!("the row with the key {key} is left unchanged: {why}"));
            }
            HOPELESS if self.counts.hashed == 0 => {
                return Err(SessionError::Inconsistent(format!(
                    "none of the first {HOPELESS} rows could be hashed and written"
                )));
            }
            _ => {}
        }
        Ok(())
    }

    /// Counts the rows without an outcome as unfinished, and returns the result.
    pub(crate) fn finish(&mut self) -> RowCounts {
        self.counts.finish();
        self.counts
    }
}
