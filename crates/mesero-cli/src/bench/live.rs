//! A line for the person who watches, while it is measured.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::sleep;

use super::load::Session;
use super::record::Record;
use super::words;

/// Often enough to follow, and seldom enough to cost nothing.
const AGAIN: Duration = Duration::from_millis(250);

/// A line on standard error, which is gone when this is dropped; none unless that is a terminal.
#[derive(Debug)]
pub(super) struct Live {
    bar: ProgressBar,
}

impl Live {
    pub(super) fn begin() -> Self {
        let bar = match crate::output::stderr().is_terminal() {
            true => ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()),
            false => ProgressBar::hidden(),
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// Shows how it goes, for as long as it is polled.
    pub(super) async fn show(&self, session: &Session) {
        if self.bar.is_hidden() {
            return std::future::pending().await;
        }
        loop {
            let line = line(&session.record());
            self.bar.set_message(line);
            self.bar.tick();
            sleep(AGAIN).await;
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn line(record: &Record) -> String {
    let quantile = |share| words::found(record.response.quantile(share));
    let mut line = format!(
        "{}  {} ok  {}/s  p50 {}  p99 {}",
        words::time(record.measured()),
        words::count(record.ok),
        words::number(record.rate()),
        quantile(0.5),
        quantile(0.99),
    );
    if record.gave_up > 0 {
        line.push_str(&format!("  {} gave up", words::count(record.gave_up)));
    }
    let others = record.failed() - record.gave_up;
    if others > 0 {
        line.push_str(&format!("  {} failed", words::count(others)));
    }
    line
}
