//! Measured service times of calls that did not wait.

use fastrand::Rng;

use crate::stats::latency_histogram::LatencyHistogram;

/// Service times and their frequencies.
#[derive(Debug, Clone)]
pub(crate) struct ServiceTimes {
    /// In seconds, rising.
    times: Vec<(f64, u64)>,
    /// Cumulative counts.
    up_to: Vec<u64>,
    count: u64,
    mean: f64,
    variance: f64,
    /// Whether some are lower bounds.
    is_lower_bound: bool,
}

impl ServiceTimes {
    /// None without latencies. A call that timed out counts as longer than the timeout, so as not answered in time.
    pub(crate) fn of(times: &LatencyHistogram) -> Option<Self> {
        let is_lower_bound = times.max().is_some_and(|max| max.is_lower_bound);
        Some(Self { is_lower_bound, ..Self::from_times(times.recorded())? })
    }

    /// From times in seconds and their counts.
    fn from_times(times: impl Iterator<Item = (f64, u64)>) -> Option<Self> {
        let times: Vec<_> = times.collect();
        let up_to: Vec<_> = times
            .iter()
            .scan(0, |sum, (_, count)| {
                *sum += count;
                Some(*sum)
            })
            .collect();
        let count = *up_to.last()?;
        let mean_of = |of: &dyn Fn(f64) -> f64| {
            times.iter().map(|(time, count)| of(*time) * *count as f64).sum::<f64>() / count as f64
        };
        let mean = mean_of(&|time| time);
        let variance = mean_of(&|time| (time - mean).powi(2));
        Some(Self { times, up_to, count, mean, variance, is_lower_bound: false })
    }

    /// Number of calls.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Whether the mean is a lower bound, because calls timed out.
    pub(crate) fn is_lower_bound(&self) -> bool {
        self.is_lower_bound
    }

    /// Mean in seconds.
    pub(crate) fn mean(&self) -> f64 {
        self.mean
    }

    /// Squared coefficient of variation: 0 for a constant time, 1 for an exponential one.
    pub(crate) fn variation(&self) -> f64 {
        if self.mean > 0.0 { self.variance / (self.mean * self.mean) } else { 0.0 }
    }

    /// Standard error of the mean, as a share of it.
    pub(crate) fn error(&self) -> f64 {
        (self.variation() / self.count as f64).sqrt()
    }

    /// The same distribution with all times multiplied.
    pub(crate) fn scaled(&self, factor: f64) -> Self {
        let times = self.times.iter().map(|(time, count)| (time * factor, *count)).collect();
        let Self { mean, variance, .. } = *self;
        Self { times, mean: mean * factor, variance: variance * factor * factor, ..self.clone() }
    }

    /// Share of calls that end within this many seconds, where `waits_longer_than` is the probability of a longer wait
    /// than the remaining time.
    pub(crate) fn within(&self, seconds: f64, waits_longer_than: impl Fn(f64) -> f64) -> f64 {
        let in_time = self.times.iter().take_while(|(time, _)| *time <= seconds);
        let weighed =
            in_time.map(|(time, count)| (1.0 - waits_longer_than(seconds - time)) * *count as f64);
        weighed.sum::<f64>() / self.count as f64
    }

    /// Upper confidence bound of the share of calls that end within this many seconds without waiting.
    pub(crate) fn within_at_most(&self, seconds: f64) -> f64 {
        let in_time = self.times.iter().take_while(|(time, _)| *time <= seconds);
        at_most(in_time.map(|(_, count)| count).sum(), self.count)
    }

    /// A random service time in seconds.
    pub(crate) fn draw(&self, random: &mut Rng) -> f64 {
        let rank = random.u64(..self.count);
        let index = self.up_to.partition_point(|up_to| *up_to <= rank);
        self.times.get(index).map_or(self.mean, |(time, _)| *time)
    }
}

/// Upper 95 % confidence bound of a share, from a sample (E. B. Wilson, "Probable Inference, the Law of Succession, and
/// Statistical Inference", 1927).
pub(crate) fn at_most(count: u64, of: u64) -> f64 {
    // The 95th percentile of the normal distribution.
    const Z: f64 = 1.645;
    if of == 0 {
        return 0.0;
    }
    let (of, share) = (of as f64, count as f64 / of as f64);
    let spread = Z * (share * (1.0 - share) / of + Z * Z / (4.0 * of * of)).sqrt();
    (share + Z * Z / (2.0 * of) + spread) / (1.0 + Z * Z / of)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An exponential service in as many parts as a histogram of three digits has, each at its middle.
    pub(crate) fn exponential(mean: f64) -> ServiceTimes {
        const PARTS: u32 = 100_000;
        let time = |part: u32| -mean * (1.0 - (f64::from(part) + 0.5) / f64::from(PARTS)).ln();
        ServiceTimes::from_times((0..PARTS).map(|part| (time(part), 1))).unwrap()
    }

    pub(crate) fn fixed(time: f64) -> ServiceTimes {
        ServiceTimes::from_times([(time, 3)].into_iter()).unwrap()
    }

    #[test]
    fn mean_and_variation_are_those_of_what_was_seen() {
        assert!(ServiceTimes::from_times([].into_iter()).is_none());
        let two = ServiceTimes::from_times([(1.0, 3), (3.0, 1)].into_iter()).unwrap();
        assert_eq!((two.count(), two.mean(), two.variation()), (4, 1.5, 0.75 / 2.25));
        let many = exponential(2.0);
        assert!(
            (many.mean() - 2.0).abs() < 0.001 && (many.variation() - 1.0).abs() < 0.001,
            "{}",
            many.variation()
        );
        assert_eq!(fixed(5.0).variation(), 0.0);
    }

    #[test]
    fn what_is_over_in_time_took_no_longer_than_was_left_after_the_wait() {
        let two = ServiceTimes::from_times([(1.0, 3), (3.0, 1)].into_iter()).unwrap();
        assert_eq!(two.within(3.0, |_| 0.0), 1.0);
        assert_eq!(two.within(2.9, |_| 0.0), 0.75);
        // Every call waits for 2.5 s.
        assert_eq!(two.within(4.0, |left| f64::from(left < 2.5)), 0.75);
    }

    #[test]
    fn draws_come_as_often_as_they_were_seen() {
        let two = ServiceTimes::from_times([(1.0, 3), (3.0, 1)].into_iter()).unwrap();
        let mut random = Rng::with_seed(7);
        let ones = (0..10_000).filter(|_| two.draw(&mut random) == 1.0).count();
        // Within five standard deviations of 7,500.
        assert!((7_284..=7_716).contains(&ones), "{ones}");
    }
}
