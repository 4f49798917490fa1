//! The one way in which an error ends a command.

use std::fmt;

use crate::exit::Exit;
use crate::output::Output;

/// An error that ends a command: the message for stderr, and the exit code.
///
/// The error of every command converts into it, in the crate of that command.
#[derive(Debug)]
pub struct CommandError {
    message: String,
    exit: Exit,
}

impl CommandError {
    /// An error whose complete message is this, and whose exit code is that of [`Exit::Unusable`].
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit: Exit::Unusable }
    }

    /// An error whose text continues "failed to".
    pub fn failed_to(error: impl fmt::Display) -> Self {
        Self::new(format!("mesero: failed to {error}"))
    }

    /// Sets another exit code.
    #[must_use]
    pub fn with_exit(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    /// Prints the message, and returns how the program ends.
    pub fn report(&self, output: &mut Output) -> Exit {
        output.say(&self.message);
        self.exit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_its_message_and_its_exit_code() {
        let error = CommandError::failed_to("read `a.toml`");
        assert_eq!(error.message, "mesero: failed to read `a.toml`");
        assert_eq!(error.exit, Exit::Unusable);
        let error = CommandError::new("mesero: no such job").with_exit(Exit::SomeFailed);
        assert_eq!(error.report(&mut Output::new(Vec::new(), Vec::new())), Exit::SomeFailed);
    }
}
