//! The report of a limit that finds itself: when it has changed by a lot, and not too often.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

use crate::units::milliseconds;

/// A limit that moves for a while is reported once a minute.
const REPORT_EVERY: Duration = Duration::from_secs(60);

/// Half as much again, or two thirds: smaller changes are the ordinary search.
const CHANGED: f64 = 1.5;

/// A change of the limit to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LimitReport {
    pub(super) limit: u64,
    /// The limit that was reported last, or that of the start.
    pub(super) before: u64,
}

/// The limit that was reported last, the present one, and the earliest time of the next report.
#[derive(Debug)]
pub(super) struct LimitWatch {
    since: Instant,
    /// 0 before the first change.
    reported: AtomicU64,
    present: AtomicU64,
    /// Milliseconds after `since`.
    next: AtomicU64,
}

impl LimitWatch {
    pub(super) fn new(now: Instant) -> Self {
        let (reported, present, next) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        Self { since: now, reported, present, next }
    }

    /// Takes a change of the limit into account that is not a trial.
    pub(super) fn changed(&self, from: usize, to: usize) {
        let _ = self.reported.compare_exchange(0, from as u64, Relaxed, Relaxed);
        self.present.store(to as u64, Relaxed);
    }

    /// The change to report, if a report is due; only one of several threads gets it.
    pub(super) fn due(&self, now: Instant) -> Option<LimitReport> {
        let (limit, before) = (self.present.load(Relaxed), self.reported.load(Relaxed));
        let (low, high) = (limit.min(before) as f64, limit.max(before) as f64);
        if limit == 0 || high < CHANGED * low {
            return None;
        }
        let now = milliseconds(now.saturating_duration_since(self.since));
        let next = self.next.load(Relaxed);
        let after = now + milliseconds(REPORT_EVERY);
        if now < next || self.next.compare_exchange(next, after, Relaxed, Relaxed).is_err() {
            return None;
        }
        self.reported.store(limit, Relaxed);
        Some(LimitReport { limit, before })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_by_half_is_reported_at_most_once_a_minute() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let watch = LimitWatch::new(start);
        assert_eq!(watch.due(at(0)), None);
        watch.changed(8, 11);
        assert_eq!(watch.due(at(1)), None);
        watch.changed(11, 12);
        assert_eq!(watch.due(at(2)), Some(LimitReport { limit: 12, before: 8 }));
        watch.changed(12, 40);
        assert_eq!(watch.due(at(30)), None);
        watch.changed(40, 30);
        assert_eq!(watch.due(at(62)), Some(LimitReport { limit: 30, before: 12 }));
        assert_eq!(watch.due(at(300)), None);
    }
}
