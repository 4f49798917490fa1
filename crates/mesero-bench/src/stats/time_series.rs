//! How a measurement went over time: intervals that become longer as it does.

use std::time::Duration;

use hdrhistogram::CreationError;

use crate::stats::latency_histogram::LatencyHistogram;

/// Of how many intervals a series is at most; beyond it two become one. Enough for a picture, and
/// no more than some megabytes.
const MAX_SLICES: usize = 96;

/// What the first intervals are long. All lengths are this times a power of two, so that any two
/// series can be told in intervals of the same length.
const MIN_WIDTH: Duration = Duration::from_millis(10);

/// Counts and times by when they were, in constant memory.
#[derive(Debug, Clone)]
pub(crate) struct TimeSeries {
    width: Duration,
    intervals: Vec<TimeSlice>,
    empty: TimeSlice,
}

/// What was in a stretch of time.
#[derive(Debug, Clone)]
pub(crate) struct TimeSlice {
    /// How much of it was measured: all of it, but at the end of a round.
    pub(crate) covered: Duration,
    /// Answers of 2xx that came in it.
    pub(crate) ok: u64,
    /// Of the clients who came in it: how many gave up, and how many failed in another way.
    pub(crate) client_timeouts: u64,
    pub(crate) failed: u64,
    /// What the clients who came in it waited.
    pub(crate) response: LatencyHistogram,
    /// How many rounds begin in it, if it is one of several rounds.
    pub(crate) rounds: u32,
}

/// What became of a request that is no work done, or of the client who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SeriesSample {
    /// Answered with 2xx after so long.
    Ok(Duration),
    /// Given up after so long.
    ClientTimeout(Duration),
    Failed,
}

impl TimeSeries {
    /// # Errors
    /// If times cannot be kept.
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

    /// A client who came at this time after the begin is done.
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

    /// An answer of 2xx came at this time after the begin.
    pub(crate) fn answered(&mut self, slice_at: Duration) {
        if let Some(interval) = self.slice_at(slice_at) {
            interval.ok += 1;
        }
    }

    /// It was measured for so long, whether anything came of it or not. To be said before the
    /// intervals are read, or put behind others.
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

    /// Puts a round behind this one, as if it had been measured after it.
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

    /// Work done a second in the intervals that are over after this time, the last ones only, and
    /// in few enough for a line.
    pub(crate) fn recent(&self, time: Duration) -> Vec<f64> {
        const WIDTH: Duration = Duration::from_millis(500);
        let slices_per_group =
            usize::try_from(WIDTH.as_nanos() / self.width.as_nanos()).unwrap_or(1).max(1);
        let over = self.index(time).unwrap_or(usize::MAX).min(self.intervals.len());
        let seconds = (self.width * u32::try_from(slices_per_group).unwrap_or(1)).as_secs_f64();
        let groups = self.intervals[..over].chunks_exact(slices_per_group);
        groups.map(|group| group.iter().map(|one| one.ok).sum::<u64>() as f64 / seconds).collect()
    }

    /// What was measured, in at most so many intervals, each long enough for some requests: what is
    /// told of fewer would be chance.
    pub(crate) fn intervals(&self, most: usize) -> Vec<TimeSlice> {
        const REQUESTS: u64 = 20;
        let clients = |interval: &TimeSlice| interval.response.count() + interval.failed;
        let requests: u64 = self.intervals.iter().map(clients).sum();
        let wanted = usize::try_from(requests / REQUESTS).unwrap_or(most).clamp(1, most.max(1));
        let slices_per_group = self.intervals.len().div_ceil(wanted).max(1);
        let mut found: Vec<TimeSlice> = Vec::new();
        for group in self.intervals.chunks(slices_per_group) {
            let covered: Duration = group.iter().map(|interval| interval.covered).sum();
            // What is left over at the end of a round is no interval of its own.
            match found.last_mut().filter(|_| covered < self.width / 2) {
                Some(last) => group.iter().for_each(|interval| last.merge(interval)),
                None => found.extend(merged(group)),
            }
        }
        found
    }

    /// The interval of a time after the begin; none where that is longer than can be told.
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

    /// Makes one of each two.
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

    /// Work done a second.
    pub(crate) fn rate(&self) -> f64 {
        let seconds = self.covered.as_secs_f64();
        if seconds > 0.0 { self.ok as f64 / seconds } else { 0.0 }
    }
}

/// One of many; none of none.
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

    /// A client each so many milliseconds, answered after five.
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
    fn rounds_that_do_not_fill_their_intervals_have_the_same_rate_one_behind_the_other() {
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
    fn a_time_in_which_nothing_came_is_an_interval_as_well() {
        let mut series = steady(ms(1_000), ms(10));
        series.cover(ms(4_000));
        let intervals = series.intervals(4);
        let ok: Vec<_> = intervals.iter().map(|interval| interval.ok).collect();
        assert_eq!(ok, [100, 0, 0, 0]);
    }

    #[test]
    fn who_gave_up_is_told_where_he_came_and_waited_longer_than_was_seen() {
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
    fn ten_requests_are_too_few_for_a_course() {
        assert_eq!(steady(ms(5_000), ms(500)).intervals(60).len(), 1);
    }

    #[test]
    fn of_nothing_there_is_nothing() {
        let mut series = TimeSeries::new().unwrap();
        assert!(series.intervals(60).is_empty());
        series.cover(Duration::ZERO);
        series.append(TimeSeries::new().unwrap());
        assert!(series.intervals(60).is_empty());
    }
}
