//! A bar for a person who waits, with an end in sight as soon as one can be told.

use std::io::IsTerminal;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::input::feed::ItemTotal;
use crate::output::summary::StatusCounts;

/// A bar on standard error; hidden unless that is a terminal and results go elsewhere.
#[derive(Debug)]
pub(crate) struct RunProgress {
    bar: ProgressBar,
    total: ItemTotal,
}

/// Whether a person sees progress: results on the same terminal are progress enough.
pub(crate) fn is_visible() -> bool {
    mesero_terminal::output::stderr().is_terminal()
        && !mesero_terminal::output::stdout().is_terminal()
}

impl RunProgress {
    pub(crate) fn new(total: ItemTotal, shown: bool) -> Self {
        let bar = match shown {
            true => ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()),
            false => ProgressBar::hidden(),
        };
        let style = "{bar:30} {human_pos}/{human_len} {per_sec} {eta} {msg}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        if shown {
            bar.enable_steady_tick(Duration::from_millis(250));
        }
        Self { bar, total }
    }

    /// So much is done.
    pub(crate) fn show(&self, counts: &StatusCounts) {
        if self.bar.is_hidden() {
            return;
        }
        match &self.total {
            ItemTotal::Known(total) => self.bar.set_length(*total),
            ItemTotal::Read(progress) => {
                let (items, bytes) = (progress.items.load(Relaxed), progress.bytes.load(Relaxed));
                let size = progress.size.load(Relaxed);
                if progress.ended.load(Relaxed) {
                    self.bar.set_length(items);
                } else if size > bytes && bytes > 0 {
                    // Those to come are as long as those that came.
                    self.bar.set_length((items as f64 * size as f64 / bytes as f64) as u64);
                }
            }
        }
        self.bar.set_position(counts.done());
        if counts.failed() > 0 {
            self.bar.set_message(format!("{} failed", counts.failed()));
        }
    }

    /// Lets something else be said, above the bar.
    pub(crate) fn suspend(&self, say: impl FnOnce()) {
        self.bar.suspend(say);
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
