//! Keeps a place occupied: starts another worker whenever one is wanted there.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::MutexGuard;
use tokio::time::{Instant, sleep_until};

use super::place::{Opening, Place};
use super::wear::Reason;

impl Place {
    /// Starts workers for this place as they are wanted, until the resource is stopped. A worker
    /// that does not come up is tried again, later and later.
    pub(super) async fn keep(self: Arc<Self>) {
        tokio::select! {
            () = self.fill_openings() => {}
            // A worker that is being started is dropped, and so killed.
            () = self.stop().cancelled() => {}
        }
    }

    async fn fill_openings(self: &Arc<Self>) {
        let mut backoff = Backoff::default();
        loop {
            let Some(opening) = self.opening() else {
                self.changed().await;
                continue;
            };
            if let Some(lived) = opening.crashed_after {
                backoff.crashed(lived);
            }
            let turn = tokio::select! {
                turn = self.turn(&opening, &backoff) => turn,
                // What is wanted may have become urgent, or have come from elsewhere.
                () = self.changed() => continue,
            };
            match self.start().await {
                Ok(process) => self.fill(process, &opening),
                Err(error) => {
                    backoff.failed();
                    let resource = self.resource();
                    match opening.reason.map(Reason::as_str) {
                        None => tracing::error!(resource, "failed to {error}"),
                        Some(reason) => tracing::error!(
                            resource,
                            reason,
                            "the worker that is to be replaced serves on: failed to {error}"
                        ),
                    }
                }
            }
            drop(turn);
        }
    }

    /// Waits until a worker may be started; of successors, one at a time in the whole resource.
    async fn turn(&self, opening: &Opening, backoff: &Backoff) -> Option<MutexGuard<'_, ()>> {
        if let Some(earliest) = backoff.earliest {
            sleep_until(earliest).await;
        }
        match opening.reason {
            None => None,
            Some(_) => Some(self.means().one_at_a_time.lock().await),
        }
    }
}

/// How long to wait before a worker is started again: not at all after one that served well,
/// longer and longer after those that end at once or do not come up.
#[derive(Debug, Default)]
struct Backoff {
    failures: u32,
    earliest: Option<Instant>,
}

impl Backoff {
    /// A worker that served this long was well.
    const WELL: Duration = Duration::from_secs(10);
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(10);

    /// A worker ended by itself.
    fn crashed(&mut self, lived: Duration) {
        if lived >= Self::WELL {
            self.failures = 0;
        }
        self.failed();
    }

    fn failed(&mut self) {
        let pause = match self.failures {
            0 => Duration::ZERO,
            n => Self::FIRST.saturating_mul(2u32.saturating_pow(n - 1)).min(Self::LONGEST),
        };
        self.earliest = Some(Instant::now() + pause);
        self.failures = self.failures.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_served_well_is_replaced_at_once_and_one_that_keeps_ending_ever_later() {
        let mut backoff = Backoff::default();
        let mut pause = |lived| {
            backoff.crashed(lived);
            (backoff.earliest.unwrap() - Instant::now()).as_millis()
        };
        let pauses: Vec<_> = (0..10).map(|_| pause(Duration::from_secs(1))).collect();
        assert_eq!(pauses, [0, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
        assert_eq!(pause(Duration::from_secs(10)), 0);
    }
}
