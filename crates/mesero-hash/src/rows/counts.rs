//! Counts of the classes of rows and of their outcomes.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::rows::classify::{Ambiguity, ValueClass};

/// Rows of each class, in one scan of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ClassCounts {
    pub(crate) plaintext: u64,
    pub(crate) hash: u64,
    pub(crate) null: u64,
    pub(crate) empty: u64,
    pub(crate) ambiguous: BTreeMap<Ambiguity, u64>,
}

impl ClassCounts {
    pub(crate) fn add(&mut self, class: ValueClass) {
        *match class {
            ValueClass::Plaintext => &mut self.plaintext,
            ValueClass::Hash => &mut self.hash,
            ValueClass::Null => &mut self.null,
            ValueClass::Empty => &mut self.empty,
            ValueClass::MaybeHash(ambiguity) => self.ambiguous.entry(ambiguity).or_default(),
        } += 1;
    }

    pub(crate) fn ambiguous(&self) -> u64 {
        self.ambiguous.values().sum()
    }

    pub(crate) fn rows(&self) -> u64 {
        self.plaintext + self.hash + self.null + self.empty + self.ambiguous()
    }
}

/// Outcomes of the rows of a run.
///
/// A row counts when it is first read, and again whenever a later pass finds something to hash in it:
/// `seen` is the sum of all outcomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct RowCounts {
    pub(crate) seen: u64,
    /// Hashed and written by this run.
    pub(crate) hashed: u64,
    /// Rows that contained a hash before this run.
    pub(crate) already: u64,
    /// Rows that another program changed or deleted between the read and the write.
    pub(crate) changed: u64,
    /// NULL or empty: left unchanged.
    pub(crate) empty: u64,
    /// Left unchanged, since they may be plaintext or a hash.
    pub(crate) ambiguous: u64,
    /// Rows that could not be hashed or written.
    pub(crate) failed: u64,
    /// Discarded when the run was stopped; unchanged.
    pub(crate) unfinished: u64,
    /// Hashed rows that were verified, and read back without a difference.
    pub(crate) verified: u64,
}

impl RowCounts {
    /// Counts rows that were read and have no outcome as unfinished, at the end of a run.
    pub(crate) fn finish(&mut self) {
        self.unfinished += self.seen.saturating_sub(self.outcomes_sum());
    }

    fn outcomes_sum(&self) -> u64 {
        let Self { hashed, already, changed, empty, ambiguous, failed, unfinished, .. } = *self;
        hashed + already + changed + empty + ambiguous + failed + unfinished
    }

    /// Checks that each row has exactly one outcome.
    ///
    /// # Errors
    /// The counts that do not balance: a bug in mesero.
    pub(crate) fn check(&self) -> Result<(), String> {
        let (seen, sum) = (self.seen, self.outcomes_sum());
        if seen == sum {
            return Ok(());
        }
        Err(format!(
            "seen = hashed + already + changed + empty + ambiguous + failed + unfinished does not hold: {seen} ≠ {sum}"
        ))
    }
}
