//! Lines on a terminal that replace the lines before them.

use std::io::{self, IsTerminal, Write};

use mesero_terminal::output;
use rustix::termios::tcgetwinsize;

/// Lines drawn on standard error. Dropped, it erases them.
#[derive(Debug)]
pub(crate) struct TerminalScreen {
    /// Width of each line.
    drawn: Vec<usize>,
}

impl TerminalScreen {
    /// None if standard error is no terminal, or one without control sequences.
    pub(crate) fn open() -> Option<Self> {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let is_terminal = output::stderr().is_terminal() && !is_dumb;
        is_terminal.then(|| Self { drawn: Vec::new() })
    }

    /// Characters that fit in a line now; the window may have been resized.
    pub(crate) fn width(&self) -> usize {
        const USUAL: usize = 80;
        let size = tcgetwinsize(output::stderr()).map(|size| usize::from(size.ws_col));
        // The last column stays empty, since some terminals wrap after it.
        size.ok().filter(|width| *width > 1).map_or(USUAL, |width| width - 1)
    }

    /// Replaces the lines; each must fit.
    pub(crate) fn draw(&mut self, lines: &[String]) {
        let mut text = self.erasing();
        lines.iter().for_each(|line| text.push_str(&format!("{line}\n")));
        self.drawn = lines.iter().map(|line| line.chars().count()).collect();
        write_all_at_once(&text);
    }

    /// The control sequence that moves the cursor to the first line and clears everything below.
    fn erasing(&self) -> String {
        const UP: &str = "\x1b[A";
        const CLEAR: &str = "\r\x1b[J";
        // In a window that became narrower, lines are wrapped.
        let width = self.width() + 1;
        let rows: usize = self.drawn.iter().map(|drawn| drawn.div_ceil(width).max(1)).sum();
        format!("{}{CLEAR}", UP.repeat(rows))
    }
}

impl Drop for TerminalScreen {
    fn drop(&mut self) {
        write_all_at_once(&self.erasing());
    }
}

/// One write, so that nothing flickers; a closed standard error is no error.
fn write_all_at_once(text: &str) {
    let mut terminal = output::stderr();
    let _: io::Result<()> = terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush());
}
