//! Runs that cannot start.

use std::fmt;
use std::io;

use mesero_services::assemble::AssembleError;
use mesero_target::TargetError;
use mesero_terminal::command_error::CommandError;

use crate::journal::JournalError;

/// The error that prevents a run. A fragment that follows "failed to".
#[derive(Debug)]
pub enum RunError {
    Target(TargetError),
    Input(String),
    FailedItems { path: String, error: io::Error },
    Control(String),
    Journal(JournalError),
    Assemble(AssembleError),
    Histogram(hdrhistogram::CreationError),
    Io(io::Error),
}

impl From<RunError> for CommandError {
    fn from(error: RunError) -> Self {
        match error {
            // The message of a configuration is complete.
            RunError::Target(TargetError::Config(error)) => error.into(),
            error => CommandError::failed_to(error),
        }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Target(error) => error.fmt(f),
            RunError::Input(why) | RunError::Control(why) => f.write_str(why),
            RunError::FailedItems { path, error } => {
                write!(f, "create the file of failed items, `{path}`: {error}")
            }
            RunError::Assemble(error) => error.fmt(f),
            RunError::Journal(error) => error.fmt(f),
            RunError::Histogram(error) => write!(f, "measure durations: {error:?}"),
            RunError::Io(error) => write!(f, "start the run: {error}"),
        }
    }
}
