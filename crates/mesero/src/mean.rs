//! A mean of the latest times.

use std::time::Duration;

/// Number of times from which the mean is trusted.
const MIN_SAMPLES: u32 = 8;
/// The share of the newest time is one of these: about the last sixteen decide.
const SHARE: u32 = 16;

/// An exponentially weighted mean, in whole nanoseconds: it is read in every call.
#[derive(Debug, Default)]
pub(crate) struct Mean {
    nanoseconds: u64,
    samples: u32,
}

impl Mean {
    pub(crate) fn record(&mut self, time: Duration) {
        self.samples = self.samples.saturating_add(1);
        let share = u64::from(SHARE.min(self.samples));
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let (mean, difference) = (self.nanoseconds, time.abs_diff(self.nanoseconds) / share);
        self.nanoseconds = if time > mean { mean + difference } else { mean - difference };
    }

    /// The mean, once there are enough times.
    pub(crate) fn known(&self) -> Option<Duration> {
        self.so_far().filter(|_| self.samples >= MIN_SAMPLES)
    }

    /// The mean of all times so far.
    pub(crate) fn so_far(&self) -> Option<Duration> {
        (self.samples > 0).then(|| Duration::from_nanos(self.nanoseconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_follows_the_latest_times_once_there_are_eight() {
        let mut mean = Mean::default();
        assert_eq!(mean.so_far(), None);
        for _ in 1..MIN_SAMPLES {
            mean.record(Duration::from_secs(2));
            assert_eq!((mean.so_far(), mean.known()), (Some(Duration::from_secs(2)), None));
        }
        mean.record(Duration::from_secs(2));
        assert_eq!(mean.known(), Some(Duration::from_secs(2)));
        for _ in 0..100 {
            mean.record(Duration::from_secs(4));
        }
        assert!(mean.known() > Some(Duration::from_millis(3_990)));
    }

    #[test]
    fn a_time_beyond_the_range_is_the_longest() {
        let mut mean = Mean::default();
        mean.record(Duration::MAX);
        assert_eq!(mean.so_far(), Some(Duration::from_nanos(u64::MAX)));
    }
}
