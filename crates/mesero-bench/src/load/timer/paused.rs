//! A timer by tokio's clock, which a test can pause.

use std::io;

use tokio::time::{Instant, sleep_until};

/// As the system's, but for milliseconds.
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
