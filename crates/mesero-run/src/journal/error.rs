//! Journals that cannot be used.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A journal that cannot be used, and the reason.
#[derive(Debug)]
pub struct JournalError {
    pub(super) path: PathBuf,
    pub(super) kind: JournalErrorKind,
}

#[derive(Debug)]
pub(super) enum JournalErrorKind {
    Io(io::Error),
    Missing,
    NotRegularFile,
    Locked,
    AlreadyExists,
    NoHeader,
    /// This line is invalid, and valid ones follow.
    Corrupt {
        byte: u64,
        line: u64,
    },
    Version {
        journal: u32,
        supported: u32,
    },
    Target {
        journal: String,
        run: String,
    },
    IdField {
        journal: String,
        run: String,
    },
}

/// A fragment that follows "failed to".
impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        write!(f, "use the journal `{path}`: ")?;
        match &self.kind {
            JournalErrorKind::Io(error) => error.fmt(f),
            JournalErrorKind::Missing => {
                f.write_str("the file does not exist; use `--journal` to start a new journal")
            }
            JournalErrorKind::NotRegularFile => f.write_str("it is not a regular file"),
            JournalErrorKind::Locked => f.write_str("another run is using it"),
            JournalErrorKind::AlreadyExists => write!(
                f,
                "the file already exists; use `--resume {path}` to continue its run, or another name for a new journal"
            ),
            JournalErrorKind::NoHeader => {
                f.write_str("its first line is not the header of a mesero journal")
            }
            JournalErrorKind::Corrupt { byte, line } => write!(
                f,
                "line {line}, at byte {byte}, is damaged; `truncate -s {byte}` on a copy keeps the lines before it, and \
                 the items after it run again"
            ),
            JournalErrorKind::Version { journal, supported } => write!(
                f,
                "its format has version {journal}, and this mesero supports version {supported}"
            ),
            JournalErrorKind::Target { journal, run } => {
                write!(f, "it belongs to the target `{journal}`, not to `{run}`")
            }
            JournalErrorKind::IdField { journal, run } => write!(
                f,
                "it was written with `--id {journal}`; with `--id {run}` no item would be recognized"
            ),
        }
    }
}
