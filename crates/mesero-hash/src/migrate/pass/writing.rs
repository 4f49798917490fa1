//! A batch on its way into the database: compared and set, row by row told apart, and read back.

use std::sync::Arc;

use tokio::time::Instant;

use super::{HashedRow, PassState, Passes};
use crate::database::contract::{RowChange, WriteOutcome};
use crate::database::error::ErrorKind;
use crate::migrate::session::SessionError;
use crate::rows::row::StoredValue;

impl Passes<'_, '_> {
    /// Writes the batch; if one of its rows cannot be written, each by itself.
    pub(super) async fn write(&mut self, state: &mut PassState) -> Result<(), SessionError> {
        let batch = std::mem::take(&mut state.batch);
        if batch.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        let written = self.write_together(&batch).await;
        let ended = Instant::now();
        state.rest = ended + self.throttle.after(ended - began);
        match written {
            Err(SessionError::Database(error)) if error.kind == ErrorKind::Row => {
                self.write_one_by_one(&batch).await?;
            }
            written => written?,
        }
        self.session.progress.add(batch.len());
        Ok(())
    }

    async fn write_one_by_one(&mut self, batch: &[HashedRow]) -> Result<(), SessionError> {
        for ready in batch {
            match self.write_together(std::slice::from_ref(ready)).await {
                Ok(()) => {}
                Err(SessionError::Database(error)) if error.kind == ErrorKind::Row => {
                    self.failed(&ready.change.row.key, &format!("failed to {error}"))?;
                }
                Err(unable) => return Err(unable),
            }
        }
        Ok(())
    }

    /// In one transaction.
    async fn write_together(&mut self, batch: &[HashedRow]) -> Result<(), SessionError> {
        let changes: Arc<[RowChange]> = batch.iter().map(|ready| ready.change.clone()).collect();
        let outcomes =
            self.session.with_retries(async |database| database.write(&changes).await).await?;
        for outcome in &outcomes {
            match outcome {
                WriteOutcome::Written => self.counts.hashed += 1,
                WriteOutcome::Changed | WriteOutcome::Deleted => self.counts.changed += 1,
            }
        }
        if outcomes.len() != batch.len() {
            return Err(SessionError::Inconsistent(
                "the database did not say what became of every row".to_owned(),
            ));
        }
        let written =
            batch.iter().zip(outcomes).filter(|(_, outcome)| *outcome == WriteOutcome::Written);
        let verified = written.filter(|(ready, _)| ready.is_verified);
        let verified: Vec<_> = verified.map(|(ready, _)| &ready.change).collect();
        self.read_back(&verified).await
    }

    /// Makes sure that the database holds what was verified before it was written.
    async fn read_back(&mut self, changes: &[&RowChange]) -> Result<(), SessionError> {
        if changes.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = changes.iter().map(|change| change.row.key.clone()).collect();
        let stored =
            self.session.with_retries(async |database| database.read_back(&keys).await).await?;
        for (change, stored) in changes.iter().zip(stored) {
            match compare_stored(change.hash.reveal(), stored.as_ref()) {
                ReadBack::Same => self.counts.verified += 1,
                ReadBack::Overwritten => {}
                ReadBack::Damaged(length) => {
                    return Err(SessionError::Inconsistent(format!(
                        "the row with the key {} has {length} of the {} bytes that were written: the column does not \
                         keep what it is given",
                        change.row.key,
                        change.hash.reveal().len()
                    )));
                }
            }
        }
        Ok(())
    }
}

/// What was read back, beside what was written.
#[derive(Debug, PartialEq, Eq)]
enum ReadBack {
    Same,
    /// Another program has written the row meanwhile.
    Overwritten,
    /// A part of it, or more than it.
    Damaged(usize),
}

fn compare_stored(written: &[u8], stored: Option<&StoredValue>) -> ReadBack {
    let Some(stored) = stored.map(|value| value.bytes.reveal()) else {
        return ReadBack::Overwritten;
    };
    if stored == written {
        return ReadBack::Same;
    }
    let is_part = !stored.is_empty() && written.starts_with(stored);
    match is_part || stored.starts_with(written) {
        true => ReadBack::Damaged(stored.len()),
        false => ReadBack::Overwritten,
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
    fn a_column_that_cuts_off_or_pads_is_told_from_another_program() {
        let of = |value: Option<StoredValue>| compare_stored(b"$argon2id$abc", value.as_ref());
        assert_eq!(of(stored("$argon2id$abc")), ReadBack::Same);
        assert_eq!(of(stored("$argon2id$ab")), ReadBack::Damaged(12));
        assert_eq!(of(stored("$argon2id$abc ")), ReadBack::Damaged(14));
        assert_eq!(of(stored("$argon2id$xyz")), ReadBack::Overwritten);
        assert_eq!(of(stored("")), ReadBack::Overwritten);
        assert_eq!(of(None), ReadBack::Overwritten);
    }
}
