//! An estimate of a new job's wait, from the pace at which slots come back.

use std::time::Duration;

/// Number of returned slots from which the estimate is trusted.
const MIN_SAMPLES: u32 = 8;
/// Weight of the newest occupation: about the last sixteen decide.
const WEIGHT: f64 = 1.0 / 16.0;

/// An exponentially weighted mean of how long slots were occupied.
///
/// It counts occupation, not attempts: a thread that runs beyond its timeout keeps its slot from
/// other jobs, which is the delay that a new job sees.
#[derive(Debug, Default)]
pub(crate) struct WaitEstimator {
    mean_seconds: f64,
    samples: u32,
}

impl WaitEstimator {
    /// Records the occupation of a slot that came back.
    pub(crate) fn record(&mut self, held: Duration) {
        self.samples = self.samples.saturating_add(1);
        let weight = WEIGHT.max(1.0 / f64::from(self.samples));
        self.mean_seconds += (held.as_secs_f64() - self.mean_seconds) * weight;
    }

    /// The mean occupation so far.
    pub(crate) fn mean(&self) -> Option<Duration> {
        (self.samples > 0).then(|| Duration::from_secs_f64(self.mean_seconds))
    }

    /// The time until the last of `ahead` jobs has one of `slots` slots; `None` while there are too
    /// few samples.
    ///
    /// It counts queued jobs and not running ones, so it errs towards a shorter wait: a call is
    /// refused only when it clearly comes too late.
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
