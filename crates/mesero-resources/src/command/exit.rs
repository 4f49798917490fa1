//! How a command ended that did not end well: the source of its failure.

use std::error::Error;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// The end of a command, and how much it had printed of what is kept.
#[derive(Debug)]
pub struct CommandExit {
    pub(super) status: ExitStatus,
    pub printed: usize,
}

impl CommandExit {
    /// The exit code; none where a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended it.
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
