//! A timeout that follows what attempts usually take.

use std::str::FromStr;
use std::time::Duration;

use hdrhistogram::Histogram;

/// What `--timeout` says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TimeoutSetting {
    /// What a policy's `timeout` may be.
    Fixed(String),
    /// So many times the running median.
    MedianFactor(f64),
}

impl TimeoutSetting {
    pub(crate) fn fixed(&self) -> Option<String> {
        match self {
            Self::Fixed(text) => Some(text.clone()),
            Self::MedianFactor(_) => None,
        }
    }

    pub(crate) fn factor(&self) -> Option<f64> {
        match self {
            Self::Fixed(_) => None,
            Self::MedianFactor(factor) => Some(*factor),
        }
    }
}

impl FromStr for TimeoutSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(factor) = text.strip_suffix('x') else { return Ok(Self::Fixed(text.to_owned())) };
        match factor.parse::<f64>() {
            Ok(factor) if (1.0..=1000.0).contains(&factor) => Ok(Self::MedianFactor(factor)),
            _ => Err("wanted a number from 1 to 1000 before the `x`, as in 3x".to_owned()),
        }
    }
}

/// The running median of what successful items took.
#[derive(Debug)]
pub(crate) struct AdaptiveTimeout {
    factor: f64,
    /// In microseconds.
    durations: Histogram<u64>,
    next_update: u64,
    last: Duration,
}

/// One item alone says little, and GNU parallel waits for three too.
const MIN_SAMPLES: u64 = 3;
/// Shorter ones would be noise: a timer has a resolution of a millisecond.
const MIN_TIMEOUT: Duration = Duration::from_millis(10);

impl AdaptiveTimeout {
    pub(crate) fn new(factor: f64, durations: Histogram<u64>) -> Self {
        Self { factor, durations, next_update: MIN_SAMPLES, last: Duration::ZERO }
    }

    /// Learns what an item took; the new timeout, where it is worth the change.
    pub(crate) fn learn(&mut self, took: Duration) -> Option<Duration> {
        self.durations.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        if self.durations.len() < self.next_update {
            return None;
        }
        // The more is known, the less one more item says; a look costs as much as thousands of them.
        self.next_update += self.durations.len() / 8 + 1;
        let median = Duration::from_micros(self.durations.value_at_quantile(0.5));
        let timeout = median.mul_f64(self.factor).max(MIN_TIMEOUT);
        let changed = timeout.abs_diff(self.last) > self.last / 20;
        changed.then(|| {
            self.last = timeout;
            timeout
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeout_is_a_multiple_of_the_median_once_three_are_known() {
        let mut median = AdaptiveTimeout::new(3.0, crate::output::summary::histogram().unwrap());
        let mut learn = |ms| median.learn(Duration::from_millis(ms));
        assert_eq!((learn(100), learn(900)), (None, None));
        let timeout = learn(200).unwrap().as_millis();
        assert!((598..=602).contains(&timeout), "{timeout}");
        assert_eq!(learn(200), None);
    }

    #[test]
    fn a_multiple_ends_in_an_x() {
        assert_eq!("3x".parse(), Ok(TimeoutSetting::MedianFactor(3.0)));
        assert_eq!("7s".parse(), Ok(TimeoutSetting::Fixed("7s".to_owned())));
        assert!(
            "0.5x".parse::<TimeoutSetting>().is_err() && "x".parse::<TimeoutSetting>().is_err()
        );
    }
}
