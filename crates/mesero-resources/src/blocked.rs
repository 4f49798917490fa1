//! Number and total time of blocks, in which one task kept others from running.

use std::iter::Sum;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Sums of blocks; never waits.
#[derive(Debug, Default)]
pub struct Blocked {
    times: AtomicU64,
    /// Enough for five centuries.
    nanoseconds: AtomicU64,
}

/// The sums at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BlockedTotals {
    pub times: u64,
    pub total: Duration,
}

impl Blocked {
    /// Counts a block, whose duration is added later.
    pub fn record_start(&self) {
        self.times.fetch_add(1, Relaxed);
    }

    /// Adds a duration.
    pub fn add_time(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Relaxed);
    }

    pub fn totals(&self) -> BlockedTotals {
        BlockedTotals {
            times: self.times.load(Relaxed),
            total: Duration::from_nanos(self.nanoseconds.load(Relaxed)),
        }
    }
}

impl Sum for BlockedTotals {
    fn sum<I: Iterator<Item = Self>>(sums: I) -> Self {
        sums.fold(Self::default(), |sum, more| Self {
            times: sum.times + more.times,
            total: sum.total + more.total,
        })
    }
}
