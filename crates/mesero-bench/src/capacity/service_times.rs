//! How long a resource takes for a call that waits for nothing, as it was measured.

use fastrand::Rng;

use crate::stats::latency_histogram::LatencyHistogram;

/// Times of service, by how often they were seen.
#[derive(Debug, Clone)]
pub(crate) struct ServiceTimes {
    /// In seconds, rising.
    times: Vec<(f64, u64)>,
    /// How many were at most as long as each of them.
    up_to: Vec<u64>,
    count: u64,
    mean: f64,
    variance: f64,
    /// Whether some took longer than they were seen.
    is_lower_bound: bool,
}

impl ServiceTimes {
    /// None if nothing was seen. Who gave up counts as having taken longer than his patience, and so as not answered.
    pub(crate) fn of(times: &LatencyHistogram) -> Option<Self> {
        let is_lower_bound = times.max().is_some_and(|max| max.is_lower_bound);
        Some(Self { is_lower_bound, ..Self::from_times(times.recorded())? })
    }

    /// Of times in seconds, and how often each was seen.
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

    /// How many were seen.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Whether its mean is a lower bound, because some were given up.
    pub(crate) fn is_lower_bound(&self) -> bool {
        self.is_lower_bound
    }

    /// In seconds.
    pub(crate) fn mean(&self) -> f64 {
        self.mean
    }

    /// The squared coefficient of variation: 0 if all are the same, 1 if they are exponential.
    pub(crate) fn variation(&self) -> f64 {
        if self.mean > 0.0 { self.variance / (self.mean * self.mean) } else { 0.0 }
    }

    /// The standard error of the mean, as a share of it.
    pub(crate) fn error(&self) -> f64 {
        (self.variation() / self.count as f64).sqrt()
    }

    /// The same, if all took so many times as long.
    pub(crate) fn scaled(&self, factor: f64) -> Self {
        let times = self.times.iter().map(|(time, count)| (time * factor, *count)).collect();
        let Self { mean, variance, .. } = *self;
        Self { times, mean: mean * factor, variance: variance * factor * factor, ..self.clone() }
    }

    /// The share of calls that are over in so many seconds, if they wait before as long as `waits_longer_than` says: the
    /// chance of a wait that is longer than what is left.
    pub(crate) fn within(&self, seconds: f64, waits_longer_than: impl Fn(f64) -> f64) -> f64 {
        let in_time = self.times.iter().take_while(|(time, _)| *time <= seconds);
        let weighed =
            in_time.map(|(time, count)| (1.0 - waits_longer_than(seconds - time)) * *count as f64);
        weighed.sum::<f64>() / self.count as f64
    }

    /// The greatest share of calls that can be over in so many seconds, for what was seen, if they wait for nothing.
    pub(crate) fn within_at_most(&self, seconds: f64) -> f64 {
        let in_time = self.times.iter().take_while(|(time, _)| *time <= seconds);
        at_most(in_time.map(|(_, count)| count).sum(), self.count)
    }

    /// One of the times, in seconds.
    pub(crate) fn draw(&self, random: &mut Rng) -> f64 {
        let rank = random.u64(..self.count);
        let index = self.up_to.partition_point(|up_to| *up_to <= rank);
        self.times.get(index).map_or(self.mean, |(time, _)| *time)
    }
}

/// The greatest share of which so many of so many can be a sample, with a certainty of 95 % (E. B. Wilson, "Probable
/// Inference, the Law of Succession, and Statistical Inference", 1927).
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

    /// As many as a histogram of three digits has of an exponential service, each in the middle of its part.
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
        // Everybody waits for 2.5 s.
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
