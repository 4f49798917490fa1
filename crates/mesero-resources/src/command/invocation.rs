//! The invocation of a command for one attempt.

use std::env;
use std::ffi::{CString, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use mesero::Argument;
use mesero_config::{CommandSettings, Program};
use mesero_http::payload::Payload;
use mesero_process::launch::Launcher;

use super::run_context::{Input, RunContext};

/// Longest text that Linux passes as one argument or one variable, its end included
/// (`MAX_ARG_STRLEN`: 32 pages of 4 KiB).
const MAX_ARGUMENT_BYTES: usize = 32 * 4096;

/// The parts that differ between attempts.
#[derive(Debug)]
pub(super) struct Invocation {
    /// The program's name first.
    pub(super) arguments: Vec<CString>,
    /// `NAME=value`.
    pub(super) variables: Vec<CString>,
    /// True if its standard input has data.
    pub(super) is_fed: bool,
}

/// Returns the parts that all attempts share: the program, its directory and its environment.
///
/// # Errors
/// If one of them contains a NUL byte.
pub(super) fn launcher(settings: &CommandSettings) -> io::Result<Launcher> {
    let mut environment: Vec<(OsString, OsString)> =
        if settings.clear_env { Vec::new() } else { env::vars_os().collect() };
    for (name, value) in &settings.env {
        environment.retain(|(known, _)| known != name.as_str());
        environment.push((name.into(), value.reveal().into()));
    }
    let program = match &settings.program {
        Program::Direct { program, .. } => program,
        Program::Shell { .. } => Path::new("/bin/sh"),
    };
    Launcher::new(program, &settings.directory, &environment)
}

impl RunContext {
    /// Returns the command with these arguments and this body.
    ///
    /// # Errors
    /// The argument that cannot be passed to a process, and the reason.
    pub(super) fn invocation(
        &self,
        arguments: &[Argument],
        body: &Payload,
    ) -> Result<Invocation, String> {
        if let Some(held) = arguments.iter().find(|argument| argument.text.contains('\0')) {
            return Err(format!("the argument `{}` contains a NUL byte", held.name));
        }
        let is_empty = matches!(body, Payload::Whole(bytes) if bytes.is_empty());
        let is_fed = self.input == Input::Body && !is_empty;
        let (mut c_strings, mut variables) = (Vec::new(), Vec::new());
        match &self.settings.program {
            Program::Direct { program, arguments: templates } => {
                c_strings.push(c_string(program.as_os_str().as_bytes())?);
                for template in templates {
                    let filled = template.fill(|name| find(arguments, name));
                    let filled = filled.map_err(|name| format!("there is no `{name}`"))?;
                    c_strings.push(c_string(checked_length(&filled)?)?);
                }
            }
            Program::Shell { script } => {
                c_strings = vec![c_string("/bin/sh")?, c_string("-c")?, c_string(script)?];
                for Argument { name, text } in arguments {
                    variables.push(c_string(format!("arg_{name}={}", checked_length(text)?))?);
                }
            }
        }
        Ok(Invocation { arguments: c_strings, variables, is_fed })
    }
}

fn c_string(text: impl AsRef<[u8]>) -> Result<CString, String> {
    CString::new(text.as_ref()).map_err(|_| "an argument contains a NUL byte".to_owned())
}

fn find<'a>(arguments: &'a [Argument], name: &str) -> Option<&'a str> {
    let found = arguments.iter().find(|argument| *argument.name == *name);
    found.map(|argument| argument.text.as_str())
}

/// Checks the length here: for a longer argument the system's error would look like a broken
/// resource.
fn checked_length(text: &str) -> Result<&str, String> {
    // A variable's name and its `=` count as well; no name is longer than this.
    const MAX_NAME_BYTES: usize = 1024;
    if text.len() < MAX_ARGUMENT_BYTES - MAX_NAME_BYTES {
        Ok(text)
    } else {
        Err(format!("{} bytes are too many for one argument of a process", text.len()))
    }
}
