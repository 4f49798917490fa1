//! The timeout of attempts: fixed, or a multiple of the running median.

use std::str::FromStr;
use std::time::Duration;

use hdrhistogram::Histogram;

/// The value of `--timeout`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TimeoutSetting {
    /// A value of a policy's `timeout`.
    Fixed(String),
    /// A multiple of the running median.
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
            _ => Err("expected a number from 1 to 1000 before the `x`, as in 3x".to_owned()),
        }
    }
}

/// A timeout that follows the running median of successful attempts.
#[derive(Debug)]
pub(crate) struct AdaptiveTimeout {
    factor: f64,
    /// In microseconds.
    durations: Histogram<u64>,
    /// The number of samples at which the median is computed again.
    next_update: u64,
    current: Duration,
}

/// A single sample is not a median; GNU parallel waits for three too.
const MIN_SAMPLES: u64 = 3;
/// Shorter timeouts would be noise: a timer has a resolution of a millisecond.
const MIN_TIMEOUT: Duration = Duration::from_millis(10);

impl AdaptiveTimeout {
    /// A timeout of `factor` times the median, with an empty histogram.
    pub(crate) fn new(factor: f64, durations: Histogram<u64>) -> Self {
        Self { factor, durations, next_update: MIN_SAMPLES, current: Duration::ZERO }
    }

    /// Adds the duration of an attempt, and returns the new timeout if it has changed by more than 5 %.
    pub(crate) fn add(&mut self, duration: Duration) -> Option<Duration> {
        self.durations.saturating_record(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
        if self.durations.len() < self.next_update {
            return None;
        }
        // At growing distances: computing the quantile costs as much as recording thousands of samples.
        self.next_update += self.durations.len() / 8 + 1;
        let median = Duration::from_micros(self.durations.value_at_quantile(0.5));
        let timeout = median.mul_f64(self.factor).max(MIN_TIMEOUT);
        let has_changed = timeout.abs_diff(self.current) > self.current / 20;
        has_changed.then(|| {
            self.current = timeout;
            timeout
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::summary::histogram;

    #[test]
    fn from_three_samples_on_the_timeout_is_a_multiple_of_the_median() {
        let mut timeout = AdaptiveTimeout::new(3.0, histogram().unwrap());
        let mut add = |ms| timeout.add(Duration::from_millis(ms));
        assert_eq!((add(100), add(900)), (None, None));
        let milliseconds = add(200).unwrap().as_millis();
        assert!((598..=602).contains(&milliseconds), "{milliseconds}");
        assert_eq!(add(200), None);
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
