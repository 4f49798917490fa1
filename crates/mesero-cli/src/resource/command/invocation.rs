//! What exactly is run for one attempt.

use std::process::Stdio;

use mesero::Argument;
use tokio::process::Command;

use super::{Inherits, Program, Settings};
use crate::process::child;

/// The longest text that Linux passes as one argument or one variable, its end included
/// (`MAX_ARG_STRLEN`: 32 pages of 4 KiB).
const LONGEST: usize = 32 * 4096;

impl Settings {
    /// The command with these arguments, confined and with pipes on all three streams.
    ///
    /// # Errors
    /// Which argument cannot be passed to a process, and why.
    pub(super) fn invocation(&self, arguments: &[Argument]) -> Result<Command, String> {
        if let Some(held) = arguments.iter().find(|argument| argument.text.contains('\0')) {
            return Err(format!("the argument `{}` holds a zero byte", held.name));
        }
        let mut command = match &self.program {
            Program::Direct { program, arguments: templates } => {
                let mut command = Command::new(program);
                self.surround(&mut command);
                for template in templates {
                    let filled = template.fill(|name| find(arguments, name));
                    let filled = filled.map_err(|name| format!("there is no `{name}`"))?;
                    command.arg(short_enough(filled)?);
                }
                command
            }
            Program::Shell { script } => {
                let mut command = Command::new("/bin/sh");
                self.surround(&mut command);
                command.arg("-c").arg(script);
                for Argument { name, text } in arguments {
                    command.env(format!("arg_{name}"), short_enough(text.clone())?);
                }
                command
            }
        };
        // Nothing is inherited, so there is nothing to keep.
        let _ = child::confine(&mut command, Vec::new());
        command.stdin(Stdio::piped());
        Ok(command)
    }

    fn surround(&self, command: &mut Command) {
        if self.inherits == Inherits::Nothing {
            command.env_clear();
        }
        command.current_dir(&self.directory);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
    }
}

fn find<'a>(arguments: &'a [Argument], name: &str) -> Option<&'a str> {
    let found = arguments.iter().find(|argument| *argument.name == *name);
    found.map(|argument| argument.text.as_str())
}

/// Longer ones fail for everybody; it is better to say so than to call it a broken resource.
fn short_enough(text: String) -> Result<String, String> {
    // A variable's name and its `=` are in the length too; no name is longer than this.
    const NAME: usize = 1024;
    match text.len() < LONGEST - NAME {
        true => Ok(text),
        false => Err(format!("{} bytes are too many for one argument of a process", text.len())),
    }
}
