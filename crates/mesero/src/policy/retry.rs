//! Retries: full jitter, within a budget for all jobs together.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::Backoff;

/// The rules of retries.
///
/// The pause before attempt `n + 1` is random between zero and `min(max_backoff, backoff × 2ⁿ⁻¹)`:
/// *full jitter*, after M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
/// Where the resource said when to retry, the pause is at least that, up to `max_backoff`.
///
/// The budget bounds the load that retries add to a failing resource, for all jobs together: every
/// job earns `budget` of a retry, and one a second is free.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{Call, Dispatcher, Failure, Retry};
///
/// let pages = Dispatcher::builder("pages").retry(Retry::default()).build()?;
/// let answer = pages.ask(Call::unkeyed(), |attempt| async move {
///     match attempt.number() {
///         1 => Err(Failure::unreachable("connection refused")),
///         number => Ok(number),
///     }
/// });
/// assert_eq!(answer.await.report.attempts, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// Number of attempts of a job, including the first. Default 3.
    pub max_attempts: NonZeroU32,
    /// The upper bound of the first pause. Default 100 ms.
    pub backoff: Duration,
    /// The upper bound of every pause. Default 30 s.
    pub max_backoff: Duration,
    /// Number of retries that every job earns. Default 0.2.
    pub budget: f64,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: NonZeroU32::MIN.saturating_add(2),
            backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(30),
            budget: 0.2,
        }
    }
}

impl Retry {
    /// The upper bound of the pause after the attempt `number`.
    pub(crate) fn ceiling(&self, number: u32) -> Duration {
        Backoff { first: self.backoff, longest: self.max_backoff }.pause(number)
    }
}

/// A whole retry, in the thousandths that the budget counts: sums of fractions stay exact.
const RETRY: u64 = 1_000;
/// Retries a second that need not be earned, so that a service with little traffic can retry.
const FREE_PER_SECOND: u64 = RETRY;
/// Seconds' worth of free retries that can be saved up.
const SAVED_SECONDS: u64 = 10;
/// Jobs' worth of earned retries that can be saved up: enough for a burst of failures, too few for
/// a retry storm after a quiet day.
const SAVED_JOBS: u64 = 1_000;

/// The remaining retries: a token bucket that jobs and time fill.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    per_job: u64,
    tokens: u64,
    most: u64,
    filled: Option<Instant>,
}

impl RetryBudget {
    pub(crate) fn new(retry: &Retry) -> Self {
        let free = FREE_PER_SECOND * SAVED_SECONDS;
        // A share that is negative or not a number becomes 0, a share that is too large the
        // maximum.
        let per_job = (retry.budget * RETRY as f64).round() as u64;
        let most = free.saturating_add(per_job.saturating_mul(SAVED_JOBS));
        Self { per_job, tokens: free, most, filled: None }
    }

    /// Adds the share of a job that has started.
    pub(crate) fn earn(&mut self) {
        self.fill(self.per_job);
    }

    /// Takes a retry out, if there is one.
    pub(crate) fn spend(&mut self, now: Instant) -> bool {
        let filled = self.filled.get_or_insert(now);
        let milliseconds = u64::try_from((now - *filled).as_millis()).unwrap_or(u64::MAX);
        *filled += Duration::from_millis(milliseconds);
        self.fill(milliseconds.saturating_mul(FREE_PER_SECOND) / 1_000);
        let rest = self.tokens.checked_sub(RETRY);
        self.tokens = rest.unwrap_or(self.tokens);
        rest.is_some()
    }

    fn fill(&mut self, tokens: u64) {
        self.tokens = self.tokens.saturating_add(tokens).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_its_bound() {
        let retry = Retry { max_backoff: Duration::from_secs(1), ..Retry::default() };
        let bounds = [1, 2, 3, 4, 5, 60].map(|number| retry.ceiling(number).as_millis());
        assert_eq!(bounds, [100, 200, 400, 800, 1_000, 1_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn retries_are_at_most_their_share_of_the_jobs_and_the_free_ones() {
        let mut budget = RetryBudget::new(&Retry { budget: 0.2, ..Retry::default() });
        let now = Instant::now();
        let mut granted = 0;
        for _ in 0..1_000 {
            budget.earn();
            granted += u32::from(budget.spend(now));
        }
        assert_eq!(granted, 210);
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_brings_a_free_retry() {
        let mut budget = RetryBudget::new(&Retry { budget: 0.0, ..Retry::default() });
        let now = Instant::now();
        while budget.spend(now) {}
        assert!(!budget.spend(now + Duration::from_millis(900)));
        assert!(budget.spend(now + Duration::from_millis(1_000)));
        assert!(!budget.spend(now + Duration::from_millis(1_000)));
    }
}
