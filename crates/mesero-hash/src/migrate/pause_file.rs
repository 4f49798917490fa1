//! A file that pauses the run while it exists.

use std::path::PathBuf;

/// The file of `--pause-file`, and whether it existed at the last look.
#[derive(Debug)]
pub(crate) struct PauseFile {
    path: Option<PathBuf>,
    pub(crate) exists: bool,
}

impl PauseFile {
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self { path, exists: false }
    }

    /// Looks for the file; returns a message if it appeared or disappeared since the last call.
    pub(crate) fn poll(&mut self) -> Option<String> {
        let path = self.path.as_ref()?;
        let exists = path.exists();
        if exists == self.exists {
            return None;
        }
        self.exists = exists;
        let path = path.display();
        Some(if exists {
            format!("paused: no further rows are hashed while `{path}` exists")
        } else {
            format!("continuing: `{path}` was removed")
        })
    }
}
