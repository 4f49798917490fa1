//! Batches of hashed rows: written only if the rows are unchanged, row by row if one fails, and read back.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::database::contract::{RowChange, WriteOutcome};
use crate::database::error::ErrorKind;
use crate::migrate::session::{HashSession, SessionError};
use crate::migrate::tally::RowTally;
use crate::migrate::throttle::Throttle;
use crate::rows::row::StoredValue;

/// A row with its hash, to be written.
pub(crate) struct HashedRow {
    pub(crate) change: RowChange,
    /// The row is read back after the write.
    pub(crate) is_verified: bool,
}

/// Collects hashed rows and writes them in batches.
pub(crate) struct BatchWriter {
    /// Rows in a full batch.
    size: usize,
    rows: Vec<HashedRow>,
    /// Time at which a batch is written even if it is not full.
    write_by: Instant,
    /// Earliest time of the next write.
    not_before: Instant,
    throttle: Throttle,
}

/// Maximum time from a hash to its write, even if hashes are slow.
const FLUSH: Duration = Duration::from_secs(1);

impl BatchWriter {
    /// A writer of batches of `size` rows.
    pub(crate) fn new(size: usize) -> Self {
        let now = Instant::now();
        let throttle = Throttle::default();
        Self { size, rows: Vec::new(), write_by: now, not_before: now, throttle }
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.rows.len() >= self.size
    }

    /// Time at which the batch has to be written.
    pub(crate) fn due_at(&self) -> Instant {
        if self.is_full() { self.not_before } else { self.not_before.max(self.write_by) }
    }

    /// Ends the pause after the last write of the previous pass.
    pub(crate) fn start_pass(&mut self) {
        self.not_before = Instant::now();
    }

    pub(crate) fn push(&mut self, row: HashedRow) {
        if self.rows.is_empty() {
            self.write_by = Instant::now() + FLUSH;
        }
        self.rows.push(row);
    }

    /// Writes the batch; if one of its rows cannot be written, each row by itself.
    ///
    /// If dropped, a transaction in progress takes full effect or none; the rest of the batch is
    /// discarded, and its rows are unchanged.
    ///
    /// # Errors
    /// If the run cannot continue.
    pub(crate) async fn write(
        &mut self,
        session: &mut HashSession<'_>,
        tally: &mut RowTally,
    ) -> Result<(), SessionError> {
        let batch = std::mem::take(&mut self.rows);
        if batch.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        let written = write_together(&batch, session, tally).await;
        let ended = Instant::now();
        self.not_before = ended + self.throttle.pause_after(ended - began);
        match written {
            Err(SessionError::Database(error)) if error.kind == ErrorKind::Row => {
                write_one_by_one(&batch, session, tally).await?;
            }
            written => written?,
        }
        session.messages.progress.add(batch.len());
        Ok(())
    }
}

/// Writes each row in a transaction of its own. If dropped, the rest of the rows is unchanged.
async fn write_one_by_one(
    batch: &[HashedRow],
    session: &mut HashSession<'_>,
    tally: &mut RowTally,
) -> Result<(), SessionError> {
    for row in batch {
        match write_together(std::slice::from_ref(row), session, tally).await {
            Ok(()) => {}
            Err(SessionError::Database(error)) if error.kind == ErrorKind::Row => {
                let why = format!("failed to {error}");
                tally.record_failure(&row.change.row.key, &why, &mut session.messages)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes rows in one transaction, and reads back those to be verified.
///
/// If dropped, the transaction takes full effect or none.
async fn write_together(
    batch: &[HashedRow],
    session: &mut HashSession<'_>,
    tally: &mut RowTally,
) -> Result<(), SessionError> {
    let changes: Arc<[RowChange]> = batch.iter().map(|row| row.change.clone()).collect();
    let outcomes = session.with_retries(async |database| database.write(&changes).await).await?;
    for outcome in &outcomes {
        match outcome {
            WriteOutcome::Written => tally.counts.hashed += 1,
            WriteOutcome::Changed | WriteOutcome::Deleted => tally.counts.changed += 1,
        }
    }
    if outcomes.len() != batch.len() {
        return Err(SessionError::Inconsistent(
            "the database did not report the outcome of every row".to_owned(),
        ));
    }
    let written = batch.iter().zip(outcomes);
    let written = written.filter(|(_, outcome)| *outcome == WriteOutcome::Written);
    let verified = written.filter(|(row, _)| row.is_verified);
    let verified: Vec<_> = verified.map(|(row, _)| &row.change).collect();
    read_back(&verified, session, tally).await
}

/// Checks that the database stores the hashes that were verified before they were written.
async fn read_back(
    changes: &[&RowChange],
    session: &mut HashSession<'_>,
    tally: &mut RowTally,
) -> Result<(), SessionError> {
    if changes.is_empty() {
        return Ok(());
    }
    let keys: Vec<_> = changes.iter().map(|change| change.row.key.clone()).collect();
    let stored = session.with_retries(async |database| database.read_back(&keys).await).await?;
    for (change, stored) in changes.iter().zip(stored) {
        match compare_stored(change.hash.reveal(), stored.as_ref()) {
            ReadBack::Same => tally.counts.verified += 1,
            ReadBack::Overwritten => {}
            ReadBack::Damaged { length } => {
                return Err(SessionError::Inconsistent(format!(
                    "the row with the key {} has {length} of the {} bytes that were written: the column \
                     truncates or pads values",
                    change.row.key,
                    change.hash.reveal().len()
                )));
            }
        }
    }
    Ok(())
}

/// A stored value compared with the written one.
#[derive(Debug, PartialEq, Eq)]
enum ReadBack {
    Same,
    /// Another program wrote the row after this one.
    Overwritten,
    /// A part of the written value, or the value with more bytes behind it.
    Damaged {
        length: usize,
    },
}

fn compare_stored(written: &[u8], stored: Option<&StoredValue>) -> ReadBack {
    let Some(stored) = stored.map(|value| value.bytes.reveal()) else {
        return ReadBack::Overwritten;
    };
    let is_part = !stored.is_empty() && written.starts_with(stored);
    if stored == written {
        ReadBack::Same
    } else if is_part || stored.starts_with(written) {
        ReadBack::Damaged { length: stored.len() }
    } else {
        ReadBack::Overwritten
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::row::ValueForm;
    use crate::secret::SecretBytes;

    fn stored(text: &str) -> Option<StoredValue> {
        Some(StoredValue { bytes: SecretBytes::copied(text.as_bytes()), form: ValueForm::Text })
    }

    #[test]
    fn a_column_that_truncates_or_pads_is_distinguished_from_another_program() {
        let of = |value: Option<StoredValue>| compare_stored(b"$argon2id$abc", value.as_ref());
        assert_eq!(of(stored("$argon2id$abc")), ReadBack::Same);
        assert_eq!(of(stored("$argon2id$ab")), ReadBack::Damaged { length: 12 });
        assert_eq!(of(stored("$argon2id$abc ")), ReadBack::Damaged { length: 14 });
        assert_eq!(of(stored("$argon2id$xyz")), ReadBack::Overwritten);
        assert_eq!(of(stored("")), ReadBack::Overwritten);
        assert_eq!(of(None), ReadBack::Overwritten);
    }
}
