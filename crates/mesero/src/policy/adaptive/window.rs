//! Run times of the calls that ran under one limit, and their comparison with those of another.

use std::time::Duration;

/// Number of run times that a window keeps; a later one replaces an earlier one.
const KEPT: usize = 400;
/// Error of a comparison that more samples do not remove: neighboring calls are no independent
/// samples.
const ERROR_FLOOR: f64 = 0.01;

/// A cohort of attempts that began under one limit, with all slots taken, and their run times.
///
/// It ends when three quarters of them have ended. The others ran longer than those, which is all
/// that a mean of the middle half needs to know: no window favors short calls.
#[derive(Debug, Clone, Default)]
pub(super) struct Window {
    begun: usize,
    /// Natural logarithms of seconds: a ratio of run times is a difference here.
    logs: Vec<f64>,
    /// Attempts that finished, including those whose run time is not kept.
    finished: usize,
    /// Attempts that were cut off or refused.
    drops: usize,
}

/// The slowdown of calls under the higher one of two limits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slowdown {
    /// Logarithm of the ratio of the run times.
    pub(super) log: f64,
    /// Its standard error.
    pub(super) error: f64,
    /// Logarithm of the ratio of the limits: the slowdown of a resource that has no room for more.
    pub(super) full: f64,
}

impl Window {
    pub(super) fn begin(&mut self) {
        self.begun += 1;
    }

    /// Takes an attempt out without meaning for the load.
    pub(super) fn forget(&mut self) {
        self.begun -= 1;
    }

    pub(super) fn finish(&mut self, ran: Duration) {
        let log = ran.as_secs_f64().max(1e-6).ln();
        match self.logs.len() {
            KEPT => self.logs[self.finished % KEPT] = log,
            _ => self.logs.push(log),
        }
        self.finished += 1;
    }

    pub(super) fn drop_one(&mut self) {
        self.drops += 1;
    }

    /// Adds the attempts of a window under the same limit.
    pub(super) fn append(&mut self, other: &Self) {
        self.logs.extend(&other.logs);
        self.begun += other.begun;
        self.finished += other.finished;
        self.drops += other.drops;
    }

    /// Number of attempts that began.
    pub(super) fn begun(&self) -> usize {
        self.begun
    }

    /// Number of attempts that ended.
    pub(super) fn ended(&self) -> usize {
        self.finished + self.drops
    }

    /// True once the middle half is known, if no attempt is to be added.
    pub(super) fn is_whole(&self) -> bool {
        self.ended() >= self.begun - self.begun / 4
    }

    pub(super) fn drop_share(&self) -> f64 {
        self.drops as f64 / self.ended().max(1) as f64
    }

    /// Only what has ended, for a first look: it errs towards short run times.
    pub(super) fn so_far(&self) -> Self {
        Self { begun: self.ended(), ..self.clone() }
    }

    /// The mean of the middle half of the logarithms, and its standard error. Neither a tenth of
    /// calls that take a hundred times longer nor a quarter of calls that fail at once moves it.
    pub(super) fn midmean(&self) -> Option<(f64, f64)> {
        // The number of attempts of which those that are kept are the shortest.
        let count = self.logs.len() * self.begun / self.finished.max(1);
        let cut = count / 4;
        if count < 4 || count - cut > self.logs.len() {
            return None;
        }
        let mut sorted = self.logs.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let middle = &sorted[cut..count - cut];
        let mean = middle.iter().sum::<f64>() / middle.len() as f64;
        // The standard error of a trimmed mean, from the winsorized variance.
        let square = |log: &f64| (log - mean).powi(2);
        let ends = cut as f64 * (square(&middle[0]) + square(&middle[middle.len() - 1]));
        let variance = (middle.iter().map(square).sum::<f64>() + ends) / (count - 1) as f64;
        let kept = middle.len() as f64 / count as f64;
        Some((mean, variance.sqrt() / (kept * (count as f64).sqrt())))
    }

    /// Compares with a window under a limit that is higher by the logarithm `full`; `None` if
    /// either knows too little: most of its attempts were dropped, for instance.
    pub(super) fn slowdown(&self, higher: &Self, full: f64) -> Option<Slowdown> {
        let ((low, low_error), (high, high_error)) = (self.midmean()?, higher.midmean()?);
        let error = (low_error.powi(2) + high_error.powi(2) + ERROR_FLOOR.powi(2)).sqrt();
        Some(Slowdown { log: high - low, error, full })
    }

    /// True if the share of drops is clearly larger in a window under a higher limit.
    pub(super) fn has_fewer_drops(&self, higher: &Self) -> bool {
        let (low, high) = (self.drop_share(), higher.drop_share());
        let variance = |share: f64, window: &Self| {
            // Without a drop the share is not known to be zero.
            (share * (1.0 - share)).max(0.05) / window.ended().max(1) as f64
        };
        high - low > 3.0 * (variance(low, self) + variance(high, higher)).sqrt()
    }
}
