//! What rows are and what became of them, in numbers that balance.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::rows::classify::{Ambiguity, ValueClass};

/// What the rows of a table are, as one look found them.
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

/// What became of the rows that a run saw.
///
/// Every row counts when it is first seen, and once more for each later time that it is seen with
/// something to be hashed: `seen` is the sum of the rest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct RowCounts {
    pub(crate) seen: u64,
    /// Written by this run.
    pub(crate) hashed: u64,
    /// Hashes before this run.
    pub(crate) already: u64,
    /// Another program changed or deleted the row between reading and writing.
    pub(crate) changed: u64,
    /// NULL, or without a byte: left as they are.
    pub(crate) empty: u64,
    /// Left as they are, since nobody knows what they are.
    pub(crate) ambiguous: u64,
    /// Could not be hashed or written.
    pub(crate) failed: u64,
    /// Given up when the run was told to stop; they are as they were.
    pub(crate) unfinished: u64,
    /// Those of the hashed that were verified, and read back as they were written.
    pub(crate) verified: u64,
}

impl RowCounts {
    /// Nothing more comes: whatever was seen and came to no end is given up.
    pub(crate) fn close(&mut self) {
        self.unfinished += self.seen.saturating_sub(self.outcomes_sum());
    }

    fn outcomes_sum(&self) -> u64 {
        let Self { hashed, already, changed, empty, ambiguous, failed, unfinished, .. } = *self;
        hashed + already + changed + empty + ambiguous + failed + unfinished
    }

    /// # Errors
    /// Names the numbers that do not balance: a mistake in mesero.
    pub(crate) fn check(&self) -> Result<(), String> {
        let (seen, sum) = (self.seen, self.outcomes_sum());
        if seen == sum {
            return Ok(());
        }
        Err(format!(
            "seen = hashed + already + changed + empty + ambiguous + failed + unfinished does not hold: {seen} is not {sum}"
        ))
    }
}
