//! Unsuccessful end of a command: the source of its failure.

use std::error::Error;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// End of a command, and the amount of its buffered output.
#[derive(Debug)]
pub struct CommandExit {
    pub(super) status: ExitStatus,
    pub printed: usize,
}

impl CommandExit {
    /// Returns the exit code; none if a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Returns the signal that ended it.
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }
}

impl fmt::Display for CommandExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.status.fmt(f)
    }
}

impl Error for CommandExit {}
