//! What the program says: data on stdout, talk on stderr. Nothing else prints.

use std::fmt;
use std::io::{self, IsTerminal, Write};

/// Where data and talk go.
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
    /// A reader that has gone away, as `head` does, has read enough: from then on nothing is
    /// written, and that is fine.
    ///
    /// # Errors
    /// If the data cannot be written for another reason: a full disk, say.
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

    /// Says something to the person who watches; where nobody can hear it, it is lost.
    pub fn say(&mut self, text: &str) {
        let line = format!("{text}\n");
        let _ = self.talk.write_all(line.as_bytes());
    }
}

/// Where talk goes: for a log that is written by another thread.
pub fn stderr() -> io::Stderr {
    io::stderr()
}

/// Where data goes: for results that are written by another thread.
pub fn stdout() -> io::Stdout {
    io::stdout()
}

/// Whether talk may be in color: a person reads it, and has not said otherwise, see
/// <https://no-color.org>.
pub fn color_is_welcome() -> bool {
    let unwelcome = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !unwelcome && stderr().is_terminal()
}

/// A character of a text from outside: what a terminal would obey as an escape, all others as they
/// are.
pub fn visible(character: char) -> impl Iterator<Item = char> {
    let (shown, escaped) = match is_unseen(character) {
        true => (None, Some(character.escape_default())),
        false => (Some(character), None),
    };
    shown.into_iter().chain(escaped.into_iter().flatten())
}

/// What a terminal obeys instead of showing it; line ends and changes of direction among it.
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
