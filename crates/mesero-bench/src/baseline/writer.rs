//! Keeps a measurement in a file, unless it would spoil what is kept there.

use std::path::Path;

use mesero_terminal::exit::Exit;

use crate::BenchError;
use crate::baseline::Now;
use crate::baseline::atomic_file::{FileError, WholeFile};
use crate::baseline::environment::Circumstances;
use crate::baseline::file::{Saved, Target, Terms};
use crate::report::Report;

/// A place for a measurement.
#[derive(Debug)]
pub(crate) struct Saving {
    file: WholeFile,
    /// The path, if what is there now is the baseline of this measurement.
    replaces: Option<String>,
}

impl Saving {
    /// Makes sure of a place. What is there stays until all of the measurement can take its place.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn prepare(path: &Path, baseline: Option<&Path>) -> Result<Self, FileError> {
        let file = WholeFile::prepare(path)?;
        let is_same = |other: &&Path| {
            path.canonicalize()
                .ok()
                .is_some_and(|path| other.canonicalize().is_ok_and(|other| other == path))
        };
        let replaces = baseline.filter(is_same).map(|_| path.display().to_string());
        Ok(Self { file, replaces })
    }

    /// Writes it. A baseline is not replaced by what does not hold what was expected beside it, nor by what nothing can be
    /// compared with: the next measurement would be compared with that, and pass. Then it is said why it stays.
    ///
    /// # Errors
    /// If the disk is full, say; then what was there is still there.
    pub(crate) fn keep(self, saved: &Saved, report: &Report) -> Result<Option<String>, BenchError> {
        let why = match report.exit() {
            _ if saved.interrupted => Some("this measurement was interrupted"),
            _ if report.is_void() => Some("this measurement is void"),
            _ if !report.has_times() => Some("not everybody was answered in this one"),
            Exit::Unexpected => Some("what is expected does not hold"),
            _ => None,
        };
        if let (Some(path), Some(why)) = (&self.replaces, why) {
            return Ok(Some(format!("the baseline `{path}` stays as it was: {why}")));
        }
        let text = saved.text().map_err(BenchError::Saving)?;
        self.file.write(&text)?;
        Ok(None)
    }
}

impl Report {
    /// All of it that can be compared with later.
    pub(crate) fn saved(
        &self,
        now: &[Now<'_>],
        terms: Terms,
        circumstances: Circumstances,
    ) -> Saved {
        let Circumstances { when, command, .. } = circumstances;
        let mut saved = Saved::new(when, command, terms);
        saved.interrupted = self.accounts.iter().any(|account| account.is_interrupted);
        let target = |(account, now): (&crate::report::Account, &Now<'_>)| {
            let void = account.doubts.iter().map(ToString::to_string).collect();
            Target::new(&account.measured, now.way.clone(), void)
        };
        saved.targets = self.accounts.iter().zip(now).map(target).collect();
        saved
    }

    fn is_void(&self) -> bool {
        self.accounts.iter().any(|account| !account.doubts.is_empty())
    }

    fn has_times(&self) -> bool {
        self.accounts.iter().all(|account| account.measured.record.has_times())
    }
}
