//! Messages and progress on standard error.

use mesero_terminal::output::Output;

use super::counts::StatusCounts;
use super::progress::RunProgress;

/// Standard error of a run: messages above a progress bar.
pub(crate) struct Console<'a> {
    progress: RunProgress,
    output: &'a mut Output,
}

impl<'a> Console<'a> {
    pub(crate) fn new(progress: RunProgress, output: &'a mut Output) -> Self {
        Self { progress, output }
    }

    /// Prints a message, after the program's name.
    pub(crate) fn message(&mut self, text: &str) {
        self.print(&format!("mesero: {text}"));
    }

    /// Prints a line as it is.
    pub(crate) fn print(&mut self, line: &str) {
        self.progress.suspend(|| self.output.say(line));
    }

    pub(crate) fn show_progress(&self, counts: &StatusCounts) {
        self.progress.show(counts);
    }

    pub(crate) fn end_progress(&self) {
        self.progress.end();
    }
}
