//! Files that are replaced atomically.

use std::fmt;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// A file that gets its name only when it is complete. Dropped before, it leaves nothing behind, and a file that had
/// the name stays.
#[derive(Debug)]
pub(crate) struct AtomicFile {
    path: PathBuf,
    file: NamedTempFile,
}

/// A file that could not be written. Continues "failed to".
#[derive(Debug)]
pub struct AtomicFileError {
    path: PathBuf,
    why: io::Error,
}

impl AtomicFile {
    /// Creates a temporary file in the same directory.
    ///
    /// # Errors
    /// If the directory does not exist, or is not writable.
    pub(crate) fn prepare(path: &Path) -> Result<Self, AtomicFileError> {
        let failed = |why| AtomicFileError { path: path.to_owned(), why };
        if path.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            let why = format!("there is no folder `{}`", folder.display());
            return Err(failed(io::Error::new(io::ErrorKind::NotFound, why)));
        }
        // The usual mode of a new file, without the umask.
        let mode = std::fs::Permissions::from_mode(0o666);
        let file = Builder::new()
            .prefix(".mesero-")
            .permissions(mode)
            .tempfile_in(folder.unwrap_or(Path::new(".")));
        Ok(Self { path: path.to_owned(), file: file.map_err(failed)? })
    }

    /// Writes the text, syncs it to disk, and renames the file to its name.
    ///
    /// # Errors
    /// If the disk is full, for instance.
    pub(crate) fn write(self, text: &str) -> Result<(), AtomicFileError> {
        let Self { path, mut file } = self;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all());
        let written = written.and_then(|()| Ok(file.persist(&path)?));
        written.map(drop).map_err(|why| AtomicFileError { path, why })
    }
}

impl fmt::Display for AtomicFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "write `{}`: {}", self.path.display(), self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_written_leaves_nothing_and_what_is_replaces_what_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.html");
        std::fs::write(&path, "before").unwrap();
        drop(AtomicFile::prepare(&path).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before");
        AtomicFile::prepare(&path).unwrap().write("after").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "after");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_place_that_is_none_is_told_before_anything_is_measured() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("no/page.html");
        for path in [folder.path(), &missing] {
            let error = AtomicFile::prepare(path).unwrap_err().to_string();
            assert!(error.starts_with(&format!("write `{}`: ", path.display())), "{error}");
        }
    }
}
