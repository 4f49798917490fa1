//! The timer of tests, on tokio's clock, which can be paused.

use std::io;

use tokio::time::{Instant, sleep_until};

/// Like the system's timer, with a precision of milliseconds.
#[derive(Debug)]
pub(crate) struct PausableTimer;

impl PausableTimer {
    #[expect(clippy::unnecessary_wraps, reason = "the system's timer may not be had")]
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) async fn until(&mut self, instant: Instant) -> io::Result<()> {
        sleep_until(instant).await;
        Ok(())
    }
}
