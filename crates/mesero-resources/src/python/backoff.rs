//! Delays between the starts of workers that do not stay up.

use std::time::Duration;

use mesero::Backoff;
use tokio::time::Instant;

/// Delay before a worker is started again: none after a worker that served well, increasing after
/// workers that exit early or fail to start.
#[derive(Debug, Default)]
pub(super) struct RestartBackoff {
    failures: u32,
    earliest: Option<Instant>,
}

impl RestartBackoff {
    /// Service time after which a worker counts as healthy.
    const WELL: Duration = Duration::from_secs(10);
    const PAUSES: Backoff =
        Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(10) };

    /// Returns the instant before which no worker is started.
    pub(super) fn earliest(&self) -> Option<Instant> {
        self.earliest
    }

    /// Records that a worker ended by itself after `lived`.
    pub(super) fn crashed(&mut self, lived: Duration) {
        if lived >= Self::WELL {
            self.failures = 0;
        }
        self.failed();
    }

    pub(super) fn failed(&mut self) {
        let pause = match self.failures {
            0 => Duration::ZERO,
            failures => Self::PAUSES.pause(failures),
        };
        self.earliest = Some(Instant::now() + pause);
        self.failures = self.failures.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_healthy_worker_is_replaced_at_once_and_a_crashing_one_with_increasing_delay() {
        let mut backoff = RestartBackoff::default();
        let mut pause = |lived| {
            backoff.crashed(lived);
            (backoff.earliest.unwrap() - Instant::now()).as_millis()
        };
        let pauses: Vec<_> = (0..10).map(|_| pause(Duration::from_secs(1))).collect();
        assert_eq!(pauses, [0, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
        assert_eq!(pause(Duration::from_secs(10)), 0);
    }
}
