//! A mean of the latest times.

use std::time::Duration;

/// Number of times from which the mean is trusted.
const MIN_SAMPLES: u32 = 8;
/// Weight of the newest time: about the last sixteen decide.
const WEIGHT: f64 = 1.0 / 16.0;

/// An exponentially weighted mean.
#[derive(Debug, Default)]
pub(crate) struct Mean {
    seconds: f64,
    samples: u32,
}

impl Mean {
    pub(crate) fn record(&mut self, time: Duration) {
        self.samples = self.samples.saturating_add(1);
        let weight = WEIGHT.max(1.0 / f64::from(self.samples));
        self.seconds += (time.as_secs_f64() - self.seconds) * weight;
    }

    /// The mean, once there are enough times.
    pub(crate) fn known(&self) -> Option<Duration> {
        self.so_far().filter(|_| self.samples >= MIN_SAMPLES)
    }

    /// The mean of whatever times there are.
    pub(crate) fn so_far(&self) -> Option<Duration> {
        (self.samples > 0).then(|| Duration::from_secs_f64(self.seconds))
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
}
