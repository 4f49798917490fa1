//! A histogram of durations to which many threads can add without a lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// From durations that a person does not notice to an hour, three steps a decade.
const BOUNDS: [Duration; 18] = [
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(3_600),
];

const BUCKETS: usize = BOUNDS.len() + 1;

/// Counts of durations by bucket, and their sum; an addition costs two atomic additions.
#[derive(Debug, Default)]
pub struct Histogram {
    /// The last is for durations above every bound.
    buckets: [AtomicU64; BUCKETS],
    /// Holds five centuries.
    sum_nanoseconds: AtomicU64,
}

/// The counts of a histogram at one moment.
#[derive(Debug)]
pub struct Reading {
    pub sum: f64,
    pub count: u64,
    /// Upper bounds in seconds, each with the count between it and the one before.
    pub buckets: Vec<(f64, u64)>,
}

impl Histogram {
    pub(crate) fn add(&self, duration: Duration) {
        let index = BOUNDS.partition_point(|bound| *bound < duration);
        self.buckets[index].fetch_add(1, Relaxed);
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.sum_nanoseconds.fetch_add(nanoseconds, Relaxed);
    }

    pub fn read(&self) -> Reading {
        let bounds = BOUNDS.iter().map(Duration::as_secs_f64).chain([f64::INFINITY]);
        let counts = self.buckets.iter().map(|bucket| bucket.load(Relaxed));
        let buckets: Vec<_> = bounds.zip(counts).collect();
        Reading {
            sum: Duration::from_nanos(self.sum_nanoseconds.load(Relaxed)).as_secs_f64(),
            // Counted from the buckets, so that both agree despite concurrent additions.
            count: buckets.iter().map(|(_, count)| count).sum(),
            buckets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_on_a_bound_counts_below_it() {
        let histogram = Histogram::default();
        histogram.add(Duration::from_millis(1));
        histogram.add(Duration::from_nanos(1_000_001));
        histogram.add(Duration::from_secs(86_400));
        let reading = histogram.read();
        let filled: Vec<_> = reading.buckets.iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [&(0.001, 1), &(0.0025, 1), &(f64::INFINITY, 1)]);
        assert_eq!((reading.count, reading.sum), (3, 86_400.002_000_001));
    }

    #[test]
    fn bounds_rise() {
        assert!(BOUNDS.is_sorted_by(|one, next| one < next));
    }
}
