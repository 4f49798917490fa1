//! Messages to the terminal, beside a progress bar.

use mesero_terminal::output::Output;

use crate::migrate::progress::RowProgress;

/// The output of a run: a progress bar, and messages above it.
#[derive(Debug)]
pub(crate) struct RunMessages<'a> {
    pub(crate) progress: RowProgress,
    pub(crate) output: &'a mut Output,
}

impl RunMessages<'_> {
    /// Prints a message on standard error, above the progress bar.
    pub(crate) fn print(&mut self, text: &str) {
        let Self { progress, output } = self;
        progress.suspend(|| output.say(&format!("mesero: {text}")));
    }
}
