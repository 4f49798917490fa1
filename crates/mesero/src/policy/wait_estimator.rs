//! How long a newcomer will wait, from how fast slots have come back.

use std::time::Duration;

/// How many slots must have come back before the forecast is trusted.
const MIN_SAMPLES: u32 = 8;
/// How much the newest occupation counts: about the last sixteen decide.
const WEIGHT: f64 = 1.0 / 16.0;

/// An exponentially weighted mean of how long slots were occupied.
///
/// It counts occupation, not attempts: a thread that runs on after its timeout keeps its slot from
/// others, and that is what a newcomer feels.
#[derive(Debug, Default)]
pub(crate) struct WaitEstimator {
    mean_seconds: f64,
    samples: u32,
}

impl WaitEstimator {
    /// A slot came back.
    pub(crate) fn record(&mut self, held: Duration) {
        self.samples = self.samples.saturating_add(1);
        let weight = WEIGHT.max(1.0 / f64::from(self.samples));
        self.mean_seconds += (held.as_secs_f64() - self.mean_seconds) * weight;
    }

    /// How long `ahead` jobs need until the last of them has a slot, with `slots` of them; none as
    /// long as too little is known.
    ///
    /// It counts what stands in the queue and not what runs, so it errs towards a shorter wait: a
    /// call is refused only when it plainly comes too late.
    pub(crate) fn estimate(&self, ahead: usize, slots: usize) -> Option<Duration> {
        if self.samples < MIN_SAMPLES || slots == 0 {
            return None;
        }
        Duration::try_from_secs_f64(self.mean_seconds * ahead as f64 / slots as f64).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_the_queue_divided_by_the_rate_at_which_slots_come_back() {
        let mut wait_estimator = WaitEstimator::default();
        for _ in 0..MIN_SAMPLES {
            assert_eq!(wait_estimator.estimate(10, 5), None);
            wait_estimator.record(Duration::from_secs(2));
        }
        assert_eq!(wait_estimator.estimate(10, 5), Some(Duration::from_secs(4)));
        assert_eq!(wait_estimator.estimate(0, 5), Some(Duration::ZERO));
    }
}
