//! Exit codes: what a script can tell from how mesero ended.

use std::process::ExitCode;

/// How mesero ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything went well.
    Fine,
    /// Some of the work failed, or was cut off.
    SomeFailed,
    /// The command line or the configuration cannot be used, or nothing could be started.
    Unusable,
    /// What was expected of a measurement does not hold.
    Unexpected,
    /// There was nothing to do where something was wanted.
    NothingToDo,
    /// Stopped early, as a policy said.
    Halted,
    /// Interrupted by the terminal (Ctrl-C).
    Interrupted,
    /// Told to terminate.
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
