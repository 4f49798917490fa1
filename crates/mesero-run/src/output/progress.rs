//! A progress bar on standard error.

use std::io::IsTerminal;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::counts::StatusCounts;
use crate::input::feed::ItemTotal;

/// The progress bar of a run, which may be hidden.
#[derive(Debug)]
pub(crate) struct RunProgress {
    bar: ProgressBar,
    total: ItemTotal,
}

/// Whether a bar would be visible and useful: standard error is a terminal, and the results go elsewhere.
pub(crate) fn is_useful() -> bool {
    mesero_terminal::output::stderr().is_terminal()
        && !mesero_terminal::output::stdout().is_terminal()
}

impl RunProgress {
    /// A bar that is shown and redrawn by its own timer.
    pub(crate) fn shown(total: ItemTotal) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = "{bar:30} {human_pos}/{human_len} {per_sec} {eta} {msg}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar, total }
    }

    pub(crate) fn hidden(total: ItemTotal) -> Self {
        Self { bar: ProgressBar::hidden(), total }
    }

    pub(crate) fn show(&self, counts: &StatusCounts) {
        if self.bar.is_hidden() {
            return;
        }
        match &self.total {
            ItemTotal::Known(total) => self.bar.set_length(*total),
            ItemTotal::Estimated(progress) => {
                let (items, bytes) = (progress.items.load(Relaxed), progress.bytes.load(Relaxed));
                let size = progress.size.load(Relaxed);
                if progress.ended.load(Relaxed) {
                    self.bar.set_length(items);
                } else if size > bytes && bytes > 0 {
                    // An estimate: the items to come are as long as those so far.
                    self.bar.set_length((items as f64 * size as f64 / bytes as f64) as u64);
                }
            }
        }
        self.bar.set_position(counts.done());
        if counts.failed() > 0 {
            self.bar.set_message(format!("{} failed", counts.failed()));
        }
    }

    /// Hides the bar while `print` writes to standard error.
    pub(crate) fn suspend(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
