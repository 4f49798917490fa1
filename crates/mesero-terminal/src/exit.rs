//! Exit codes, for scripts.

use std::process::ExitCode;

/// The way in which mesero ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Success.
    Fine,
    /// Some of the work failed or was cut off.
    SomeFailed,
    /// The command line or the configuration is invalid, or nothing could be started.
    Unusable,
    /// A threshold of a measurement is not met.
    Unexpected,
    /// The input is empty where work was required.
    NothingToDo,
    /// Stopped early by a policy.
    Halted,
    /// Interrupted by the terminal (Ctrl-C).
    Interrupted,
    /// Terminated by a SIGTERM.
    Terminated,
}

impl Exit {
    pub fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Exit::Fine => 0,
            Exit::SomeFailed => 1,
            Exit::Unusable => 2,
            Exit::Unexpected => 3,
            Exit::NothingToDo => 4,
            Exit::Halted => 5,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        })
    }
}
