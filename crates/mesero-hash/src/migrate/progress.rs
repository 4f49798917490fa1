//! A bar for a person who waits for rows.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on standard error; hidden where nobody sees it.
#[derive(Debug)]
pub(crate) struct RowProgress {
    bar: ProgressBar,
    shown: bool,
}

impl RowProgress {
    /// One that shows nothing yet.
    pub(crate) fn new(quiet: bool) -> Self {
        let shown = !quiet && mesero_terminal::output::stderr().is_terminal();
        Self { bar: ProgressBar::hidden(), shown }
    }

    /// Begins anew, with so many rows to go.
    pub(crate) fn begin(&mut self, what: &'static str, rows: u64) {
        self.end();
        if !self.shown {
            return;
        }
        self.bar = ProgressBar::with_draw_target(Some(rows), ProgressDrawTarget::stderr());
        let style = "{msg} {bar:30} {human_pos}/{human_len} {per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            self.bar.set_style(style);
        }
        self.bar.set_message(what);
        self.bar.enable_steady_tick(Duration::from_millis(250));
    }

    pub(crate) fn add(&self, rows: usize) {
        self.bar.inc(rows as u64);
    }

    /// Lets something else be said, above the bar.
    pub(crate) fn suspend(&self, say: impl FnOnce()) {
        self.bar.suspend(say);
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
