//! The run times of one kind of call, and what they say about its next run.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::survival::{Run, quantile};

/// Number of runs that count: the 10 % quantile then rests on ten of them.
const WINDOW: usize = 100;
/// Number of runs from which there is an estimate. The quantile of eight is the shortest, which
/// exceeds the true median once in 2⁸ times.
const MIN_RUNS: usize = 8;
/// Consecutive runs shorter than the 10 % quantile that show a change: once in 100 by chance.
const QUICK_RUNS: usize = 2;
/// Consecutive runs longer than the median that show a change: once in 65,536 by chance.
const SLOW_RUNS: usize = 16;

/// The last runs of one kind of call.
///
/// A run that was cut off is a lower bound of a run time. Its estimates are those of E. L. Kaplan
/// and P. Meier, "Nonparametric Estimation from Incomplete Observations", 1958.
#[derive(Debug, Default)]
pub(crate) struct RunHistory {
    /// In the order of their ends.
    runs: VecDeque<(Instant, Run)>,
    /// The same runs by their length.
    sorted: Vec<Run>,
    /// The estimates from `sorted`; `None` while it is empty.
    estimates: Option<Estimates>,
    /// Two runs suffice after a change that shortened the runs, until there are [`MIN_RUNS`].
    became_quicker: bool,
    quick_in_a_row: usize,
    slow_in_a_row: usize,
}

/// The run times of one kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Estimates {
    /// The 10 % quantile: nine of ten runs take longer.
    pub(crate) needed: Duration,
    pub(crate) median: Duration,
}

/// A change of the resource, after which older runs no longer count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Quicker,
    Slower,
}

impl RunHistory {
    /// Adds a run that has just ended.
    pub(crate) fn record(&mut self, run: Run, now: Instant) {
        self.forget_aged(now);
        let change = self.notice_change(run);
        if self.runs.len() == WINDOW {
            self.forget_first();
        }
        self.runs.push_back((now, run));
        self.sorted.insert(self.sorted.partition_point(|other| *other < run), run);
        match change {
            Some(Change::Quicker) => self.keep_last(QUICK_RUNS),
            Some(Change::Slower) => self.keep_last(SLOW_RUNS),
            None => {}
        }
        self.became_quicker |= change == Some(Change::Quicker);
        self.became_quicker &= self.runs.len() < MIN_RUNS;
        self.estimates = Estimates::of(&self.sorted);
    }

    /// The estimates from the runs that still count; `None` while there are too few.
    pub(crate) fn estimates(&mut self, now: Instant) -> Option<Estimates> {
        self.forget_aged(now);
        self.trusted()
    }

    /// True if the last run was quick: one more shows that the resource has become quicker.
    pub(crate) fn last_was_quick(&self) -> bool {
        self.quick_in_a_row > 0
    }

    fn trusted(&self) -> Option<Estimates> {
        let enough = if self.became_quicker { QUICK_RUNS } else { MIN_RUNS };
        self.estimates.filter(|_| self.runs.len() >= enough)
    }

    /// Counts consecutive quick and slow runs, and finds that the resource has changed.
    fn notice_change(&mut self, run: Run) -> Option<Change> {
        let (quick, slow) = match self.trusted() {
            // Below the quantile, each run that is not cut off is quick: unless those that are
            // interrupt the count, two quick runs are no rarity.
            Some(Estimates { needed, .. }) if run.ran < needed && !run.cut_off => {
                (self.quick_in_a_row + 1, 0)
            }
            Some(Estimates { median, .. }) if run.ran > median => (0, self.slow_in_a_row + 1),
            // Cut off before the median, it says nothing about being slow.
            Some(_) if run.cut_off => (0, self.slow_in_a_row),
            Some(_) | None => (0, 0),
        };
        let change = match (quick, slow) {
            (QUICK_RUNS, _) => Some(Change::Quicker),
            (_, SLOW_RUNS) => Some(Change::Slower),
            _ => None,
        };
        (self.quick_in_a_row, self.slow_in_a_row) =
            if change.is_some() { (0, 0) } else { (quick, slow) };
        change
    }

    fn forget_aged(&mut self, now: Instant) {
        let Some(Estimates { median, .. }) = self.estimates else { return };
        let len = self.runs.len();
        while let Some((ended, _)) = self.runs.front()
            && now.saturating_duration_since(*ended) > max_age(median)
        {
            self.forget_first();
        }
        if self.runs.len() != len {
            self.became_quicker &= self.runs.len() >= QUICK_RUNS;
            self.estimates = Estimates::of(&self.sorted);
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, first)) = self.runs.pop_front()
            && let Ok(index) = self.sorted.binary_search(&first)
        {
            self.sorted.remove(index);
        }
    }

    fn keep_last(&mut self, remaining: usize) {
        self.runs.drain(..self.runs.len().saturating_sub(remaining));
        self.sorted.clear();
        self.sorted.extend(self.runs.iter().map(|(_, run)| *run));
        self.sorted.sort_unstable();
    }
}

/// The age from which a run no longer counts.
///
/// A hundred medians is the time in which a resource that runs one call at a time fills the window.
/// Below a minute, a pause of the callers would cost the estimate; above ten, the estimate is of
/// another part of the day. Sixteen medians are twice the runs that an estimate needs, so that
/// runs of minutes have one.
fn max_age(median: Duration) -> Duration {
    let window =
        median.saturating_mul(100).clamp(Duration::from_secs(60), Duration::from_secs(600));
    window.max(median.saturating_mul(16))
}

impl Estimates {
    fn of(sorted: &[Run]) -> Option<Self> {
        let longest = sorted.last()?.ran;
        let quantile = |survivors| quantile(sorted, survivors).unwrap_or(longest);
        Some(Self { needed: quantile(0.9), median: quantile(0.5) })
    }
}

#[cfg(test)]
mod tests;
