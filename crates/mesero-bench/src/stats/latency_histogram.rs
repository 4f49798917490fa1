//! Latency histograms, in which some values are only lower bounds.

use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};

pub(crate) mod serde_form;

/// A distribution of latencies in constant memory, to three digits, or to two.
///
/// A request that timed out counts with its timeout, as a censored value. Figures that depend on it are lower bounds,
/// and marked so.
#[derive(Debug, Clone)]
pub(crate) struct LatencyHistogram {
    /// In nanoseconds.
    histogram: Histogram<u64>,
    total: Duration,
    /// Sum of the squares, in square seconds.
    squares: f64,
    min: Duration,
    max: Duration,
    /// The smallest censored value.
    censored: Option<Duration>,
}

/// A latency, or a lower bound of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Latency {
    pub(crate) time: Duration,
    /// Whether the true value is higher.
    pub(crate) is_lower_bound: bool,
}

impl LatencyHistogram {
    /// An empty histogram with three digits.
    ///
    /// # Errors
    /// Never with these bounds; the histogram checks them.
    pub(crate) fn new() -> Result<Self, CreationError> {
        Ok(Self::of(Histogram::new_with_bounds(1, LONGEST, 3)?))
    }

    /// An empty histogram with two digits, above a few microseconds: a tenth of the memory, for charts.
    ///
    /// # Errors
    /// Never with these bounds; the histogram checks them.
    pub(crate) fn coarse() -> Result<Self, CreationError> {
        Ok(Self::of(Histogram::new_with_bounds(1_000, LONGEST, 2)?))
    }

    fn of(histogram: Histogram<u64>) -> Self {
        Self {
            histogram,
            total: Duration::ZERO,
            squares: 0.0,
            min: Duration::MAX,
            max: Duration::ZERO,
            censored: None,
        }
    }

    /// Adds a latency.
    pub(crate) fn add(&mut self, time: Duration) {
        self.histogram.saturating_record(nanoseconds(time));
        self.total += time;
        self.squares += time.as_secs_f64().powi(2);
        self.min = self.min.min(time);
        self.max = self.max.max(time);
    }

    /// Adds a censored value: the latency is longer.
    pub(crate) fn add_censored(&mut self, time: Duration) {
        self.add(time);
        self.censored = Some(self.censored.map_or(time, |censored| censored.min(time)));
    }

    /// Adds all values of another histogram.
    pub(crate) fn merge(&mut self, other: &LatencyHistogram) {
        for bucket in other.histogram.iter_recorded() {
            self.histogram.saturating_record_n(bucket.value_iterated_to(), bucket.count_at_value());
        }
        self.total += other.total;
        self.squares += other.squares;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.censored = [self.censored, other.censored].into_iter().flatten().min();
    }

    pub(crate) fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// All values in seconds, rising, with their counts. Censored values are given at the upper end of their bucket.
    pub(crate) fn recorded(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let censored =
            self.censored.map(|censored| self.histogram.lowest_equivalent(nanoseconds(censored)));
        self.histogram.iter_recorded().map(move |recorded| {
            let value = recorded.value_iterated_to();
            let time = if censored.is_some_and(|censored| value >= censored) {
                self.histogram.highest_equivalent(value)
            } else {
                self.histogram.median_equivalent(value)
            };
            (time as f64 / 1e9, recorded.count_at_value())
        })
    }

    /// The smallest latency that this share of all does not exceed; none without latencies.
    pub(crate) fn quantile(&self, share: f64) -> Option<Latency> {
        let time = Duration::from_nanos(self.histogram.value_at_quantile(share));
        self.latency(time.clamp(self.min.min(self.max), self.max))
    }

    /// Share of latencies up to this one, from 0 to 1, without the censored ones.
    pub(crate) fn share_within(&self, time: Duration) -> f64 {
        if self.count() == 0 {
            return 0.0;
        }
        let bound = self.histogram.highest_equivalent(nanoseconds(time));
        let bound = match self
            .censored
            .map(|censored| self.histogram.lowest_equivalent(nanoseconds(censored)))
        {
            Some(censored) => bound.min(censored.saturating_sub(1)),
            None => bound,
        };
        self.histogram.count_between(0, bound) as f64 / self.count() as f64
    }

    /// Share of latencies that are not censored; none without latencies.
    pub(crate) fn uncensored_share(&self) -> Option<f64> {
        let all = Duration::from_nanos(LONGEST);
        (self.count() > 0)
            .then(|| if self.censored.is_some() { self.share_within(all) } else { 1.0 })
    }

    pub(crate) fn mean(&self) -> Option<Latency> {
        let count = self.count();
        let nanoseconds = self.total.as_nanos().checked_div(u128::from(count))?;
        let time = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        Some(Latency { time, is_lower_bound: self.censored.is_some() })
    }

    /// The standard error of the mean as a share of it, and the coefficient of variation; none without latencies.
    pub(crate) fn error(&self) -> Option<(f64, f64)> {
        let count = self.count() as f64;
        let mean = self.total.as_secs_f64() / count;
        // Rounding may make the difference of two equal numbers negative.
        let variance = (self.squares / count - mean * mean).max(0.0);
        let variation = variance.sqrt() / mean;
        (mean > 0.0).then_some((variation / count.sqrt(), variation))
    }

    pub(crate) fn min(&self) -> Option<Latency> {
        self.latency(self.min)
    }

    pub(crate) fn max(&self) -> Option<Latency> {
        self.latency(self.max)
    }

    /// Every latency is at least its recorded value, so a rank among those is a lower bound; below the first censored
    /// value it is exact.
    fn latency(&self, time: Duration) -> Option<Latency> {
        let lowest = |time| self.histogram.lowest_equivalent(nanoseconds(time));
        let is_lower_bound = self.censored.is_some_and(|censored| lowest(time) >= lowest(censored));
        (self.count() > 0).then_some(Latency { time, is_lower_bound })
    }
}

/// An hour, in nanoseconds, the longest timeout.
const LONGEST: u64 = 3_600_000_000_000;

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(latency: Option<Latency>) -> (f64, bool) {
        let latency = latency.unwrap();
        // To three digits.
        ((latency.time.as_secs_f64() * 100.0).round() / 100.0, latency.is_lower_bound)
    }

    #[test]
    fn a_percentile_among_timed_out_requests_is_more_than_the_timeout() {
        let mut times = LatencyHistogram::new().unwrap();
        (0..98).for_each(|_| times.add(Duration::from_secs(1)));
        (0..2).for_each(|_| times.add_censored(Duration::from_secs(7)));
        assert_eq!(seconds(times.quantile(0.98)), (1.0, false));
        assert_eq!(seconds(times.quantile(0.99)), (7.0, true));
        assert_eq!(seconds(times.max()), (7.0, true));
        assert_eq!(seconds(times.mean()), (1.12, true));
        assert_eq!(seconds(times.min()), (1.0, false));
    }

    #[test]
    fn a_censored_latency_makes_all_above_it_lower_bounds() {
        let mut times = LatencyHistogram::new().unwrap();
        times.add_censored(Duration::from_secs(1));
        (0..9).for_each(|_| times.add(Duration::from_secs(5)));
        assert_eq!(seconds(times.quantile(0.5)), (5.0, true));
    }

    #[test]
    fn merged_histograms_equal_one_histogram_of_all_latencies() {
        let [mut first, mut second, mut whole] = [(); 3].map(|()| LatencyHistogram::new().unwrap());
        for milliseconds in 1..=1_000 {
            let time = Duration::from_micros(milliseconds * 1_001);
            let part = if milliseconds % 3 == 0 { &mut first } else { &mut second };
            part.add(time);
            whole.add(time);
        }
        second.add_censored(Duration::from_secs(7));
        whole.add_censored(Duration::from_secs(7));
        first.merge(&second);
        assert_eq!(first.histogram, whole.histogram);
        assert_eq!((first.mean(), first.min()), (whole.mean(), whole.min()));
        assert_eq!((first.max(), first.censored), (whole.max(), whole.censored));
    }

    #[test]
    fn timed_out_requests_count_as_answered_within_no_time() {
        let mut times = LatencyHistogram::new().unwrap();
        (0..98).for_each(|_| times.add(Duration::from_secs(1)));
        (0..2).for_each(|_| times.add_censored(Duration::from_secs(7)));
        let shares = [0.5, 1.0, 6.9, 7.0, 100.0];
        let shares = shares.map(|seconds| times.share_within(Duration::from_secs_f64(seconds)));
        assert_eq!(shares, [0.0, 0.98, 0.98, 0.98, 0.98]);
        assert_eq!(times.uncensored_share(), Some(0.98));
        assert_eq!(LatencyHistogram::new().unwrap().uncensored_share(), None);
    }

    #[test]
    fn without_times_there_is_no_percentile() {
        let times = LatencyHistogram::new().unwrap();
        assert_eq!((times.quantile(0.5), times.mean(), times.max()), (None, None, None));
    }

    #[test]
    fn a_latency_is_recorded_to_three_digits() {
        let mut times = LatencyHistogram::new().unwrap();
        for microseconds in 1..=10_000 {
            times.add(Duration::from_micros(microseconds));
        }
        let median = times.quantile(0.5).unwrap().time.as_secs_f64();
        assert!((median - 0.005).abs() <= 0.005 / 1_000.0, "{median}");
        assert_eq!(times.max().unwrap().time, Duration::from_millis(10));
    }
}
