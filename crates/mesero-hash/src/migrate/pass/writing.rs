//! A batch on its way into the database: compared and set, row by row told apart, and read back.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Passes, Ready, Stand};
use crate::database::contract::{Change, Fate};
use crate::database::error::ErrorKind;
use crate::migrate::session::Unable;
use crate::rows::row::Value;

impl Passes<'_, '_> {
    /// Writes the batch; if one of its rows cannot be written, each by itself.
    pub(super) async fn write(&mut self, stand: &mut Stand) -> Result<(), Unable> {
        let batch = std::mem::take(&mut stand.batch);
        if batch.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        let written = self.write_together(&batch).await;
        let ended = Instant::now();
        stand.rest = ended + self.pace.after(ended - began);
        match written {
            Err(Unable::Database(error)) if error.kind == ErrorKind::Row => {
                self.write_one_by_one(&batch).await?;
            }
            written => written?,
        }
        self.desk.progress.add(batch.len());
        Ok(())
    }

    async fn write_one_by_one(&mut self, batch: &[Ready]) -> Result<(), Unable> {
        for ready in batch {
            match self.write_together(std::slice::from_ref(ready)).await {
                Ok(()) => {}
                Err(Unable::Database(error)) if error.kind == ErrorKind::Row => {
                    self.failed(&ready.change.row.key, &format!("failed to {error}"))?;
                }
                Err(unable) => return Err(unable),
            }
        }
        Ok(())
    }

    /// In one transaction.
    async fn write_together(&mut self, batch: &[Ready]) -> Result<(), Unable> {
        let changes: Arc<[Change]> = batch.iter().map(|ready| ready.change.clone()).collect();
        let fates = self.desk.ask(async |database| database.write(&changes).await).await?;
        for fate in &fates {
            match fate {
                Fate::Written => self.counts.hashed += 1,
                Fate::Changed | Fate::Gone => self.counts.changed += 1,
            }
        }
        if fates.len() != batch.len() {
            return Err(Unable::Wrong(
                "the database did not say what became of every row".to_owned(),
            ));
        }
        let written = batch.iter().zip(fates).filter(|(_, fate)| *fate == Fate::Written);
        let verified = written.filter(|(ready, _)| ready.is_verified);
        let verified: Vec<_> = verified.map(|(ready, _)| &ready.change).collect();
        self.read_back(&verified).await
    }

    /// Makes sure that the database holds what was verified before it was written.
    async fn read_back(&mut self, changes: &[&Change]) -> Result<(), Unable> {
        if changes.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = changes.iter().map(|change| change.row.key.clone()).collect();
        let stored = self.desk.ask(async |database| database.read_back(&keys).await).await?;
        for (change, stored) in changes.iter().zip(stored) {
            match compared(change.hash.reveal(), stored.as_ref()) {
                Compared::Same => self.counts.verified += 1,
                Compared::Another => {}
                Compared::Damaged(length) => {
                    return Err(Unable::Wrong(format!(
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
enum Compared {
    Same,
    /// Another program has written the row meanwhile.
    Another,
    /// A part of it, or more than it.
    Damaged(usize),
}

fn compared(written: &[u8], stored: Option<&Value>) -> Compared {
    let Some(stored) = stored.map(|value| value.bytes.reveal()) else { return Compared::Another };
    if stored == written {
        return Compared::Same;
    }
    let is_part = !stored.is_empty() && written.starts_with(stored);
    match is_part || stored.starts_with(written) {
        true => Compared::Damaged(stored.len()),
        false => Compared::Another,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::row::Form;
    use crate::secret::Secret;

    fn stored(text: &str) -> Option<Value> {
        Some(Value { bytes: Secret::copied(text.as_bytes()), form: Form::Text })
    }

    #[test]
    fn a_column_that_cuts_off_or_pads_is_told_from_another_program() {
        let of = |value: Option<Value>| compared(b"$argon2id$abc", value.as_ref());
        assert_eq!(of(stored("$argon2id$abc")), Compared::Same);
        assert_eq!(of(stored("$argon2id$ab")), Compared::Damaged(12));
        assert_eq!(of(stored("$argon2id$abc ")), Compared::Damaged(14));
        assert_eq!(of(stored("$argon2id$xyz")), Compared::Another);
        assert_eq!(of(stored("")), Compared::Another);
        assert_eq!(of(None), Compared::Another);
    }
}
