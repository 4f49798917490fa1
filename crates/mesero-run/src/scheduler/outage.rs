//! Outages: a target that could be reached and no longer can, and the items that probe it.

use std::time::Duration;

use mesero::Backoff;
use tokio::time::Instant;

/// Consecutive failures to reach the target that are an outage; fewer may be an accident.
pub(super) const FAILURES_TO_OUTAGE: u32 = 3;

/// The pauses between probes.
const PAUSES: Backoff =
    Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(15) };

/// An outage of the target: one item at a time is called, to probe it.
#[derive(Debug)]
pub(super) struct Outage {
    since: Instant,
    pub(super) next_probe: Instant,
    /// The index of the item that is being called, if there is one.
    pub(super) probe: Option<u64>,
    failures: u32,
}

impl Outage {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, next_probe: now + PAUSES.pause(1), probe: None, failures: 1 }
    }

    /// The target was unreachable for this item. Only a probe's failure counts: other items were called before.
    pub(super) fn failed(&mut self, index: u64, now: Instant) {
        if self.probe == Some(index) {
            self.probe = None;
            self.failures += 1;
            self.next_probe = now + PAUSES.pause(self.failures);
        }
    }

    pub(super) fn duration(&self, now: Instant) -> Duration {
        now - self.since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_between_probes_double() {
        let now = Instant::now();
        let mut outage = Outage::new(now);
        assert_eq!(outage.next_probe - now, Duration::from_millis(500));
        outage.failed(7, now);
        assert_eq!(outage.next_probe - now, Duration::from_millis(500), "7 is not the probe");
        outage.probe = Some(7);
        outage.failed(7, now);
        assert_eq!((outage.probe, outage.next_probe - now), (None, Duration::from_secs(1)));
    }
}
