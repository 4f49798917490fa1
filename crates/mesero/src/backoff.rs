//! Exponential backoff: pauses that double up to a bound.

use std::time::Duration;

/// Exponential backoff without jitter.
///
/// ```
/// use std::time::Duration;
/// use mesero::Backoff;
///
/// let backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(1) };
/// let pauses = [1, 2, 3, 4, 5, 60].map(|failures| backoff.pause(failures).as_millis());
/// assert_eq!(pauses, [100, 200, 400, 800, 1_000, 1_000]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The pause after the first failure.
    pub first: Duration,
    /// The upper bound of every pause.
    pub longest: Duration,
}

impl Backoff {
    /// The pause after this number of failures in a row, `min(longest, first × 2ⁿ⁻¹)`.
    pub fn pause(&self, failures: u32) -> Duration {
        let doubled = 2u32.saturating_pow(failures.saturating_sub(1));
        self.first.saturating_mul(doubled).min(self.longest)
    }
}
