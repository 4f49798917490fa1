//! The program's output: data on stdout, messages on stderr. No other module prints.

use std::fmt;
use std::io::{self, IsTerminal, Write};

/// The destinations of data and of messages.
pub struct Output {
    data: Box<dyn Write + Send>,
    talk: Box<dyn Write + Send>,
    unread: bool,
}

impl Output {
    /// Stdout and stderr.
    pub fn standard() -> Self {
        Self::new(io::stdout(), stderr())
    }

    /// Any two writers.
    pub fn new(data: impl Write + Send + 'static, talk: impl Write + Send + 'static) -> Self {
        Self { data: Box::new(data), talk: Box::new(talk), unread: false }
    }

    /// Writes a line of data, all of it at once.
    ///
    /// A closed pipe, as after `head`, is no error: nothing is written from then on.
    ///
    /// # Errors
    /// If the data cannot be written for another reason, such as a full disk.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        if self.unread {
            return Ok(());
        }
        let line = format!("{text}\n");
        match self.data.write_all(line.as_bytes()).and_then(|()| self.data.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.unread = true;
                Ok(())
            }
            result => result,
        }
    }

    /// Prints a message for the user; it is lost if stderr cannot be written to.
    pub fn say(&mut self, text: &str) {
        let line = format!("{text}\n");
        let _ = self.talk.write_all(line.as_bytes());
    }
}

/// Stderr, for a log that is written by another thread.
pub fn stderr() -> io::Stderr {
    io::stderr()
}

/// Stdout, for results that are written by another thread.
pub fn stdout() -> io::Stdout {
    io::stdout()
}

/// True if messages may be in color: stderr is a terminal, and `NO_COLOR` is not set, see
/// <https://no-color.org>.
pub fn color_is_welcome() -> bool {
    let unwelcome = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !unwelcome && stderr().is_terminal()
}

/// A character of an untrusted text: control characters as escapes, all others unchanged.
pub fn visible(character: char) -> impl Iterator<Item = char> {
    let (shown, escaped) = if is_unseen(character) {
        (None, Some(character.escape_default()))
    } else {
        (Some(character), None)
    };
    shown.into_iter().chain(escaped.into_iter().flatten())
}

/// True for characters that a terminal does not show but obeys, including line ends and changes of direction.
pub(crate) fn is_unseen(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("unread", &self.unread).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Refuses(io::ErrorKind);

    impl Write for Refuses {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        let mut output = Output::new(Refuses(io::ErrorKind::BrokenPipe), io::sink());
        assert!(output.line("one").is_ok());
        assert!(output.line("two").is_ok());
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let mut output = Output::new(Refuses(io::ErrorKind::StorageFull), io::sink());
        let error = output.line("one").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
