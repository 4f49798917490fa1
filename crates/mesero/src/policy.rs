//! What a dispatcher promises its resource and its callers; one file a rule.

use std::num::NonZeroUsize;
use std::time::Duration;

pub(crate) mod cache;
pub(crate) mod limit;
pub(crate) mod rate;
pub(crate) mod retry;
pub(crate) mod wait_estimator;

pub use cache::Cache;
pub use rate::Rate;
pub use retry::Retry;

/// The rules of a dispatcher, all of them with a safe default.
///
/// ```
/// use mesero::{Dispatcher, Policy};
/// use std::time::Duration;
///
/// let mut policy = Policy::default();
/// policy.queue = 10;
/// policy.timeout = Some(Duration::from_secs(3));
/// let squares = Dispatcher::<u64>::builder("square").policy(policy).build().unwrap();
/// assert_eq!(squares.stats().queue.bound, 10);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Policy {
    /// How many slots there are: how many attempts may occupy the resource at once. Default 1.
    pub limit: NonZeroUsize,
    /// How many seats the resource has, where that is not the limit. A limit below it leaves
    /// spare seats for when some are [closed](crate::Seats::close); a limit above it has no
    /// effect. Default: as many as the limit.
    pub seats: Option<NonZeroUsize>,
    /// How many jobs may wait for a slot; 0 refuses whatever cannot start at once. Default 1,000.
    pub queue: usize,
    /// How many jobs may be admitted in a time. Default: as many as come.
    pub rate: Option<Rate>,
    /// How long one attempt may take. Default: as long as the call's deadline lets it.
    pub timeout: Option<Duration>,
    /// How long a call may take, from its arrival to its answer. Default: as long as it needs.
    pub deadline: Option<Duration>,
    /// Whether and how to try again. Default: never.
    pub retry: Option<Retry>,
    /// What becomes of a job whose last waiter has left. Default: it is canceled.
    pub on_disconnect: OnDisconnect,
    /// How long one poll of an attempt may take before observers are told that it
    /// [blocks](crate::Fact::AttemptBlocked); it is told when that poll is over. It is measured by
    /// the clock, so a machine that lets the thread wait counts as well, and so does
    /// `block_in_place`. Default 100 ms; none looks at no poll.
    pub notice_blocking: Option<Duration>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            limit: NonZeroUsize::MIN,
            seats: None,
            queue: 1_000,
            rate: None,
            timeout: None,
            deadline: None,
            retry: None,
            on_disconnect: OnDisconnect::Cancel,
            notice_blocking: Some(Duration::from_millis(100)),
        }
    }
}

/// What becomes of a job whose last waiter has left before its deadline.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use mesero::{Call, Dispatcher, OnDisconnect};
/// use tokio::time::{sleep, timeout};
///
/// let secs = Duration::from_secs;
/// let orders = Dispatcher::builder("order").on_disconnect(OnDisconnect::Finish).build()?;
/// let order = orders.call(Call::unkeyed(), move |_attempt| async move { Ok(sleep(secs(5)).await) });
/// assert!(timeout(secs(1), order).await.is_err()); // the caller leaves, the order goes on
/// orders.idle().await;
/// assert_eq!(orders.stats().jobs.succeeded, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnDisconnect {
    /// It is canceled: it leaves the queue at once, or its attempt is dropped.
    #[default]
    Cancel,
    /// It goes on, for the cache or for its effect.
    Finish,
}
