//! Errors of `mesero bench`.

use std::fmt;
use std::io;

use hdrhistogram::CreationError;
use mesero_terminal::command_error::CommandError;

use crate::baseline::atomic_file::AtomicFileError;
use crate::baseline::error::BaselineError;
use crate::capacity::error::CapacityError;
use crate::target::launcher::LaunchError;
use crate::target::named::TargetSetupError;

/// An error that ends the command. Continues "failed to".
#[derive(Debug)]
pub enum BenchError {
    Target(TargetSetupError),
    Capacity(CapacityError),
    Launch(LaunchError),
    /// A threshold compares with another target, and there is only one.
    NoReference(String),
    NoOtherResponses(String),
    /// A `--baseline` that cannot be used.
    Baseline(BaselineError),
    /// Results that cannot be written as JSON.
    Serialize(serde_json::Error),
    Descriptors {
        required: u64,
        allowed: u64,
    },
    Histogram(CreationError),
    /// A file that cannot be written.
    File(AtomicFileError),
    Io(io::Error),
}

impl From<BenchError> for CommandError {
    fn from(error: BenchError) -> Self {
        match error {
            BenchError::Target(error) => error.into(),
            error => CommandError::failed_to(error),
        }
    }
}

impl From<BaselineError> for BenchError {
    fn from(error: BaselineError) -> Self {
        BenchError::Baseline(error)
    }
}

impl From<AtomicFileError> for BenchError {
    fn from(error: AtomicFileError) -> Self {
        BenchError::File(error)
    }
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BenchError::Target(error) => error.fmt(f),
            BenchError::Capacity(error) => error.fmt(f),
            BenchError::Launch(error) => error.fmt(f),
            BenchError::NoReference(text) => write!(
                f,
                "judge `{text}`: it compares with the first target, and there is only one; add a target, or a \
                 --baseline"
            ),
            BenchError::NoOtherResponses(text) => write!(
                f,
                "judge `{text}`: it compares responses with those of the first target, and there is only one; add a target"
            ),
            BenchError::Baseline(error) => error.fmt(f),
            BenchError::Serialize(error) => write!(f, "write the results as JSON: {error}"),
            BenchError::Descriptors { required, allowed } => write!(
                f,
                "open enough connections: they need {required} file descriptors, and the limit is \
                 {allowed}; use fewer clients, or raise `ulimit -Hn`"
            ),
            BenchError::Histogram(error) => write!(f, "create a histogram: {error:?}"),
            BenchError::File(error) => error.fmt(f),
            BenchError::Io(error) => write!(f, "measure: {error}"),
        }
    }
}
