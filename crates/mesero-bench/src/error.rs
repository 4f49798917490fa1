//! Why nothing could be measured.

use std::fmt;
use std::io;

use hdrhistogram::CreationError;
use mesero_terminal::command_error::CommandError;

use crate::baseline::atomic_file::FileError;
use crate::baseline::error::SavedError;
use crate::capacity::error::SuggestError;
use crate::target::launcher::StartError;
use crate::target::named::ContestantError;

/// Why nothing could be measured. Reads on after "failed to".
#[derive(Debug)]
pub enum BenchError {
    Contestant(ContestantError),
    Suggest(SuggestError),
    Start(StartError),
    /// Something was expected of how one compares with another, and there is one.
    NobodyBeside(String),
    NoOtherAnswers(String),
    /// A file that should be compared with.
    Baseline(SavedError),
    /// What was measured could not be put into words.
    Saving(serde_json::Error),
    Descriptors {
        wanted: u64,
        allowed: u64,
    },
    Histogram(CreationError),
    /// A file that the report should be written to.
    File(FileError),
    Io(io::Error),
}

impl From<BenchError> for CommandError {
    fn from(error: BenchError) -> Self {
        match error {
            BenchError::Contestant(error) => error.into(),
            error => CommandError::failed_to(error),
        }
    }
}

impl From<SavedError> for BenchError {
    fn from(error: SavedError) -> Self {
        BenchError::Baseline(error)
    }
}

impl From<FileError> for BenchError {
    fn from(error: FileError) -> Self {
        BenchError::File(error)
    }
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BenchError::Contestant(error) => error.fmt(f),
            BenchError::Suggest(error) => error.fmt(f),
            BenchError::Start(error) => error.fmt(f),
            BenchError::NobodyBeside(text) => write!(
                f,
                "judge `{text}`: it compares a target with the first, and there is only one; name another, or give the \
                 --baseline to compare it with"
            ),
            BenchError::NoOtherAnswers(text) => write!(
                f,
                "judge `{text}`: it compares answers with those of the first target, and there is only one; name another"
            ),
            BenchError::Baseline(error) => error.fmt(f),
            BenchError::Saving(error) => write!(f, "save the measurement: {error}"),
            BenchError::Descriptors { wanted, allowed } => write!(
                f,
                "open so many connections: they take {wanted} descriptors, and this machine \
                 allows {allowed}; ask for fewer clients, or raise `ulimit -Hn`"
            ),
            BenchError::Histogram(error) => write!(f, "keep times: {error:?}"),
            BenchError::File(error) => error.fmt(f),
            BenchError::Io(error) => write!(f, "measure: {error}"),
        }
    }
}
