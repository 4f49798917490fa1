//! Time series of a load, with intervals that grow with its length.

use std::time::Duration;

use hdrhistogram::CreationError;

use crate::stats::latency_histogram::LatencyHistogram;

/// Maximum number of intervals; beyond it pairs are merged. Enough for a chart, and a few megabytes at most.
const MAX_SLICES: usize = 96;

/// Length of the first intervals. All lengths are this times a power of two, so that any two series can be brought to
/// the same length.
const MIN_WIDTH: Duration = Duration::from_millis(10);

/// Counts and latencies over time, in constant memory.
#[derive(Debug, Clone)]
pub(crate) struct TimeSeries {
    width: Duration,
    intervals: Vec<TimeSlice>,
    empty: TimeSlice,
}

/// Counts and latencies of an interval.
#[derive(Debug, Clone)]
pub(crate) struct TimeSlice {
    /// The measured part: all of it, except at the end of a round.
    pub(crate) covered: Duration,
    /// Responses with 2xx that arrived in it.
    pub(crate) ok: u64,
    /// Of the requests due in it: timeouts, and other failures.
    pub(crate) client_timeouts: u64,
    pub(crate) failed: u64,
    /// Latencies of the requests due in it.
    pub(crate) response: LatencyHistogram,
    /// Rounds that start in it, for several rounds.
    pub(crate) rounds: u32,
}

/// The outcome of a request, as the series counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SeriesSample {
    /// A 2xx response after this time.
    Ok(Duration),
    /// A timeout after this time.
    ClientTimeout(Duration),
    Failed,
}

impl TimeSeries {
    /// An empty series.
    ///
    /// # Errors
    /// If a histogram cannot be created.
    pub(crate) fn new() -> Result<Self, CreationError> {
        let response = LatencyHistogram::coarse()?;
        let empty = TimeSlice {
            covered: Duration::ZERO,
            ok: 0,
            client_timeouts: 0,
            failed: 0,
            response,
            rounds: 0,
        };
        Ok(Self { width: MIN_WIDTH, intervals: Vec::new(), empty })
    }

    /// Adds a request that was due at this time.
    pub(crate) fn add(&mut self, arrived: Duration, fate: SeriesSample) {
        let Some(interval) = self.slice_at(arrived) else { return };
        match fate {
            SeriesSample::Ok(time) => interval.response.add(time),
            SeriesSample::ClientTimeout(time) => {
                interval.client_timeouts += 1;
                interval.response.add_censored(time);
            }
            SeriesSample::Failed => interval.failed += 1,
        }
    }

    /// Adds a 2xx response that arrived at this time.
    pub(crate) fn answered(&mut self, slice_at: Duration) {
        if let Some(interval) = self.slice_at(slice_at) {
            interval.ok += 1;
        }
    }

    /// Sets the measured time, with or without requests. To be called before the intervals are read or appended.
    pub(crate) fn cover(&mut self, time: Duration) {
        if let Some(last) = time.checked_sub(Duration::from_nanos(1)) {
            self.slice_at(last);
        }
        let mut left = time;
        for interval in &mut self.intervals {
            interval.covered = left.min(self.width);
            left -= interval.covered;
        }
    }

    /// Appends a round, as if it had been measured after this one.
    pub(crate) fn append(&mut self, mut other: TimeSeries) {
        if let Some(first) = other.intervals.first_mut() {
            first.rounds += 1;
        }
        while self.width < other.width {
            self.merge_pairs();
        }
        while other.width < self.width {
            other.merge_pairs();
        }
        self.intervals.append(&mut other.intervals);
        while self.intervals.len() > MAX_SLICES {
            self.merge_pairs();
        }
    }

    /// Rates of the finished intervals, in few enough for a line of text.
    pub(crate) fn recent(&self, time: Duration) -> Vec<f64> {
        const WIDTH: Duration = Duration::from_millis(500);
        let slices_per_group =
            usize::try_from(WIDTH.as_nanos() / self.width.as_nanos()).unwrap_or(1).max(1);
        let over = self.index(time).unwrap_or(usize::MAX).min(self.intervals.len());
        let seconds = (self.width * u32::try_from(slices_per_group).unwrap_or(1)).as_secs_f64();
        let groups = self.intervals[..over].chunks_exact(slices_per_group);
        groups.map(|group| group.iter().map(|one| one.ok).sum::<u64>() as f64 / seconds).collect()
    }

    /// At most this many intervals, each with some requests: figures of fewer would be random.
    pub(crate) fn intervals(&self, most: usize) -> Vec<TimeSlice> {
        const REQUESTS: u64 = 20;
        let clients = |interval: &TimeSlice| interval.response.count() + interval.failed;
        let requests: u64 = self.intervals.iter().map(clients).sum();
        let groups = usize::try_from(requests / REQUESTS).unwrap_or(most).clamp(1, most.max(1));
        let slices_per_group = self.intervals.len().div_ceil(groups).max(1);
        let mut slices: Vec<TimeSlice> = Vec::new();
        for group in self.intervals.chunks(slices_per_group) {
            let covered: Duration = group.iter().map(|interval| interval.covered).sum();
            // A remainder at the end of a round is no interval of its own.
            match slices.last_mut().filter(|_| covered < self.width / 2) {
                Some(last) => group.iter().for_each(|interval| last.merge(interval)),
                None => slices.extend(merged(group)),
            }
        }
        slices
    }

    /// The interval of a time; none beyond the range of the series.
    fn slice_at(&mut self, time: Duration) -> Option<&mut TimeSlice> {
        let mut index = self.index(time)?;
        while index >= MAX_SLICES {
            self.merge_pairs();
            index = self.index(time)?;
        }
        if index >= self.intervals.len() {
            self.intervals.resize(index + 1, self.empty.clone());
        }
        self.intervals.get_mut(index)
    }

    fn index(&self, time: Duration) -> Option<usize> {
        usize::try_from(time.as_nanos() / self.width.as_nanos().max(1)).ok()
    }

    /// Merges pairs of intervals.
    fn merge_pairs(&mut self) {
        self.intervals = self.intervals.chunks(2).filter_map(merged).collect();
        self.width *= 2;
    }
}

impl TimeSlice {
    fn merge(&mut self, other: &TimeSlice) {
        self.covered += other.covered;
        self.ok += other.ok;
        self.client_timeouts += other.client_timeouts;
        self.failed += other.failed;
        self.response.merge(&other.response);
        self.rounds += other.rounds;
    }

    /// `ok` responses a second.
    pub(crate) fn rate(&self) -> f64 {
        let seconds = self.covered.as_secs_f64();
        if seconds > 0.0 { self.ok as f64 / seconds } else { 0.0 }
    }
}

/// Merges intervals; none without any.
fn merged(intervals: &[TimeSlice]) -> Option<TimeSlice> {
    let (first, others) = intervals.split_first()?;
    let mut merged = first.clone();
    others.iter().for_each(|other| merged.merge(other));
    Some(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// A request every so many milliseconds, answered after five.
    fn steady(time: Duration, each: Duration) -> TimeSeries {
        let mut series = TimeSeries::new().unwrap();
        let mut arrived = Duration::ZERO;
        while arrived < time {
            series.add(arrived, SeriesSample::Ok(ms(5)));
            series.answered(arrived);
            arrived += each;
        }
        series.cover(time);
        series
    }

    #[test]
    fn a_day_takes_no_more_intervals_than_a_second() {
        for (time, each) in [(ms(1_000), ms(1)), (ms(86_400_000), ms(1_000))] {
            let series = steady(time, each);
            assert!(
                (MAX_SLICES / 2..=MAX_SLICES).contains(&series.intervals.len()),
                "{}",
                series.intervals.len()
            );
            let covered: Duration = series.intervals(60).iter().map(|one| one.covered).sum();
            assert_eq!(covered, time);
        }
    }

    #[test]
    fn a_steady_rate_is_the_same_in_every_interval_at_any_length() {
        for seconds in [1, 2, 7, 60] {
            let intervals = steady(ms(seconds * 1_000), ms(1)).intervals(60);
            assert!((30..=60).contains(&intervals.len()), "{}", intervals.len());
            for interval in &intervals {
                assert!((interval.rate() - 1_000.0).abs() < 1e-6, "{}", interval.rate());
            }
            assert_eq!(intervals.iter().map(|interval| interval.ok).sum::<u64>(), seconds * 1_000);
        }
    }

    #[test]
    fn rounds_that_do_not_fill_their_intervals_have_the_same_rate_in_sequence() {
        let mut all = TimeSeries::new().unwrap();
        (0..10).for_each(|_| all.append(steady(ms(1_003), ms(1))));
        let intervals = all.intervals(60);
        assert_eq!(intervals.iter().map(|interval| interval.covered).sum::<Duration>(), ms(10_030));
        assert_eq!(intervals.iter().map(|interval| interval.rounds).sum::<u32>(), 10);
        for interval in intervals {
            assert!((interval.rate() - 1_000.0).abs() < 1e-6, "{}", interval.rate());
        }
    }

    #[test]
    fn rounds_of_different_lengths_are_told_in_the_same_intervals() {
        let mut all = steady(ms(500), ms(10));
        all.append(steady(ms(40_000), ms(10)));
        let ok: u64 = all.intervals.iter().map(|interval| interval.ok).sum();
        assert_eq!(ok, 4_050);
        assert!(all.intervals.len() <= MAX_SLICES);
    }

    #[test]
    fn a_time_without_requests_is_an_interval_as_well() {
        let mut series = steady(ms(1_000), ms(10));
        series.cover(ms(4_000));
        let intervals = series.intervals(4);
        let ok: Vec<_> = intervals.iter().map(|interval| interval.ok).collect();
        assert_eq!(ok, [100, 0, 0, 0]);
    }

    #[test]
    fn a_timed_out_request_counts_when_it_was_due_and_as_a_lower_bound() {
        let mut series = steady(ms(2_000), ms(10));
        series.add(ms(1_500), SeriesSample::ClientTimeout(ms(7_000)));
        series.add(ms(1_500), SeriesSample::Failed);
        let intervals = series.intervals(2);
        assert_eq!(
            (intervals[0].client_timeouts, intervals[1].client_timeouts, intervals[1].failed),
            (0, 1, 1)
        );
        assert!(intervals[1].response.max().unwrap().is_lower_bound);
        assert!(!intervals[0].response.max().unwrap().is_lower_bound);
    }

    #[test]
    fn the_rate_so_far_is_of_what_is_over() {
        let series = steady(ms(3_100), ms(10));
        let recent = series.recent(ms(3_100));
        // Each is half a second, or a little less.
        assert!((6..=8).contains(&recent.len()), "{recent:?}");
        assert!(recent.iter().all(|rate| (rate - 100.0).abs() < 5.0), "{recent:?}");
        assert!(TimeSeries::new().unwrap().recent(ms(3_100)).is_empty());
    }

    #[test]
    fn ten_requests_are_too_few_for_a_time_series() {
        assert_eq!(steady(ms(5_000), ms(500)).intervals(60).len(), 1);
    }

    #[test]
    fn an_empty_series_has_no_intervals() {
        let mut series = TimeSeries::new().unwrap();
        assert!(series.intervals(60).is_empty());
        series.cover(Duration::ZERO);
        series.append(TimeSeries::new().unwrap());
        assert!(series.intervals(60).is_empty());
    }
}
