//! Lines on a terminal that take the place of the lines before them.

use std::io::{self, IsTerminal, Write};

use mesero_terminal::output;
use rustix::termios::tcgetwinsize;

/// What was drawn last on the terminal that is standard error. Dropped, it takes that away again.
#[derive(Debug)]
pub(crate) struct TerminalScreen {
    /// How wide each line is.
    drawn: Vec<usize>,
}

impl TerminalScreen {
    /// None if standard error is no terminal, or one that obeys nothing.
    pub(crate) fn open() -> Option<Self> {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let is_terminal = output::stderr().is_terminal() && !is_dumb;
        is_terminal.then(|| Self { drawn: Vec::new() })
    }

    /// How many letters fit in a line now: somebody may have made the window smaller.
    pub(crate) fn width(&self) -> usize {
        const USUAL: usize = 80;
        let size = tcgetwinsize(output::stderr()).map(|size| usize::from(size.ws_col));
        // The last column is left alone, since some terminals begin a new line behind it.
        size.ok().filter(|width| *width > 1).map_or(USUAL, |width| width - 1)
    }

    /// Draws lines, each of which fits, in place of those before.
    pub(crate) fn draw(&mut self, lines: &[String]) {
        let mut text = self.erasing();
        lines.iter().for_each(|line| text.push_str(&format!("{line}\n")));
        self.drawn = lines.iter().map(|line| line.chars().count()).collect();
        write_all_at_once(&text);
    }

    /// What takes the cursor to where the first line begins, and all away that is below.
    fn erasing(&self) -> String {
        const UP: &str = "\x1b[A";
        const CLEAR: &str = "\r\x1b[J";
        // A window that was made smaller has broken lines in two.
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

/// All at once, so that nothing flickers; where nobody can see it any more, it is lost.
fn write_all_at_once(text: &str) {
    let mut terminal = output::stderr();
    let _: io::Result<()> = terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush());
}
