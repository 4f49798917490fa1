//! The progress bar.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mesero_terminal::output;

/// A bar on standard error; hidden unless that is a terminal.
#[derive(Debug)]
pub(crate) struct RowProgress {
    bar: ProgressBar,
    is_visible: bool,
}

impl RowProgress {
    /// A bar that is not drawn yet; a `quiet` one never is.
    pub(crate) fn new(quiet: bool) -> Self {
        let is_visible = !quiet && output::stderr().is_terminal();
        Self { bar: ProgressBar::hidden(), is_visible }
    }

    /// Starts again at 0 of `rows`.
    pub(crate) fn start(&mut self, what: &'static str, rows: u64) {
        self.end();
        if !self.is_visible {
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

    /// Runs `print` while the bar is hidden.
    pub(crate) fn suspend(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
