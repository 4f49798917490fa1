//! Writes results to a file, unless they must not replace the baseline there.

use std::path::Path;

use crate::baseline::atomic_file::{AtomicFile, AtomicFileError};
use crate::baseline::file::BaselineFile;
use crate::error::BenchError;

/// A file for the results.
#[derive(Debug)]
pub(crate) struct BaselineWriter {
    file: AtomicFile,
    /// The path, if the existing file is the baseline of this measurement.
    replaces: Option<String>,
}

impl BaselineWriter {
    /// Creates a temporary file. An existing file stays until the results replace it.
    ///
    /// # Errors
    /// If the directory is not writable.
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

    /// Writes the file. With an objection, a baseline is not replaced, and the returned notice says so: the next
    /// measurement would be compared with the worse results, and pass.
    ///
    /// # Errors
    /// If the disk is full, for instance; then an existing file stays.
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
