//! The rate of admissions: the generic cell rate algorithm.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::Instant;

use crate::outlook::RateQuota;

/// A number of jobs per period, and the size of a burst.
///
/// The algorithm is the generic cell rate algorithm in its virtual scheduling form (ITU-T I.371):
/// a job conforms when it comes no earlier than the burst's tolerance before its theoretical time.
///
/// ```
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// use mesero::Rate;
///
/// // Ten a second, evenly spaced.
/// let ten = NonZeroU32::new(10).unwrap();
/// let rate = Rate::new(ten, Duration::from_secs(1)).unwrap().burst(NonZeroU32::MIN);
/// assert!(Rate::new(ten, Duration::ZERO).is_none());
/// # let _ = rate;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    jobs: NonZeroU32,
    per: Duration,
    burst: NonZeroU32,
}

impl Rate {
    /// `jobs` in every `per`, all of which may come at once; `None` if `per` is zero.
    pub fn new(jobs: NonZeroU32, per: Duration) -> Option<Self> {
        (!per.is_zero()).then_some(Self { jobs, per, burst: jobs })
    }

    /// Lets at most `burst` jobs come at once; 1 spaces them evenly.
    #[must_use]
    pub fn burst(mut self, burst: NonZeroU32) -> Self {
        self.burst = burst;
        self
    }

    /// The time that one job uses up.
    fn interval(&self) -> Duration {
        self.per / self.jobs.get()
    }
}

/// The used share of a rate.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    rate: Rate,
    interval: Duration,
    tolerance: Duration,
    /// The time of the next job if they came evenly; `None` until the first job.
    due: Option<Instant>,
}

impl TokenBucket {
    pub(crate) fn new(rate: Rate) -> Self {
        let interval = rate.interval();
        Self { rate, interval, tolerance: interval * (rate.burst.get() - 1), due: None }
    }

    /// The wait until a job conforms; `None` if it does now.
    pub(crate) fn wait(&self, now: Instant) -> Option<Duration> {
        let due = self.due?;
        let earliest = due.checked_sub(self.tolerance).unwrap_or(now);
        (earliest > now).then(|| earliest - now)
    }

    /// What is left of the rate.
    pub(crate) fn quota(&self, now: Instant) -> RateQuota {
        let reset = self.due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now));
        let conforming = (self.tolerance + self.interval).saturating_sub(reset).as_nanos()
            / self.interval.as_nanos().max(1);
        let left = u32::try_from(conforming).unwrap_or(u32::MAX);
        RateQuota { total: self.rate.jobs.get(), per: self.rate.per, left, reset }
    }

    /// Counts a job that is admitted now.
    pub(crate) fn take(&mut self, now: Instant) {
        self.due = Some(self.due.map_or(now, |due| due.max(now)) + self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(jobs: u32, burst: u32) -> TokenBucket {
        let nonzero = |n| NonZeroU32::new(n).unwrap();
        let rate = Rate::new(nonzero(jobs), Duration::from_secs(1)).unwrap();
        TokenBucket::new(rate.burst(nonzero(burst)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_at_once_and_then_jobs_pass_evenly() {
        let mut bucket = bucket(10, 3);
        let now = Instant::now();
        for _ in 0..3 {
            assert_eq!(bucket.wait(now), None);
            bucket.take(now);
        }
        assert_eq!(bucket.wait(now), Some(Duration::from_millis(100)));
        let later = now + Duration::from_millis(100);
        assert_eq!(bucket.wait(later), None);
        bucket.take(later);
        assert_eq!(bucket.wait(later), Some(Duration::from_millis(100)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_is_what_passes_now_and_it_grows_until_the_reset() {
        let mut bucket = bucket(10, 3);
        let now = Instant::now();
        let left = |bucket: &TokenBucket, now| {
            let quota = bucket.quota(now);
            (quota.left, quota.reset.as_millis())
        };
        assert_eq!(left(&bucket, now), (3, 0));
        bucket.take(now);
        bucket.take(now);
        assert_eq!(left(&bucket, now), (1, 200));
        assert_eq!(left(&bucket, now + Duration::from_millis(150)), (2, 50));
        bucket.take(now);
        assert_eq!((left(&bucket, now).0, bucket.wait(now).is_some()), (0, true));
    }

    #[tokio::test(start_paused = true)]
    async fn idle_time_saves_up_no_more_than_the_burst() {
        let mut bucket = bucket(10, 2);
        let start = Instant::now();
        bucket.take(start);
        let now = start + Duration::from_secs(3600);
        let passed = (0..10).filter(|_| {
            let passes = bucket.wait(now).is_none();
            if passes {
                bucket.take(now);
            }
            passes
        });
        assert_eq!(passed.count(), 2);
    }
}
