//! Keeps a measurement in a file, unless it would spoil what is kept there.

use std::path::Path;

use crate::baseline::atomic_file::{AtomicFile, AtomicFileError};
use crate::baseline::file::BaselineFile;
use crate::error::BenchError;

/// A place for a measurement.
#[derive(Debug)]
pub(crate) struct BaselineWriter {
    file: AtomicFile,
    /// The path, if what is there now is the baseline of this measurement.
    replaces: Option<String>,
}

impl BaselineWriter {
    /// Makes sure of a place. What is there stays until all of the measurement can take its place.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn prepare(path: &Path, baseline: Option<&Path>) -> Result<Self, AtomicFileError> {
        let file = AtomicFile::prepare(path)?;
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
    pub(crate) fn write(
        self,
        saved: &BaselineFile,
        objection: Option<&str>,
    ) -> Result<Option<String>, BenchError> {
        if let (Some(path), Some(why)) = (&self.replaces, objection) {
            return Ok(Some(format!("the baseline `{path}` stays as it was: {why}")));
        }
        let text = saved.text().map_err(BenchError::Serialize)?;
        self.file.write(&text)?;
        Ok(None)
    }
}
