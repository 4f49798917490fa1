//! The rules of a dispatcher towards its resource and its callers; one file a rule.

use std::num::NonZeroUsize;
use std::time::Duration;

pub(crate) mod adaptive;
pub(crate) mod cache;
pub(crate) mod caller_timeouts;
pub(crate) mod forecast;
pub(crate) mod limit;
pub(crate) mod order;
pub(crate) mod queue;
pub(crate) mod rate;
pub(crate) mod retry;
pub(crate) mod wait_estimator;

pub use adaptive::AdaptiveLimit;
pub use adaptive::knee::LimitFinding;
pub use cache::Cache;
pub use order::{Order, PerTenant};
pub use rate::Rate;
pub use retry::Retry;

/// The rules of a dispatcher, each with a safe default.
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
    /// Number of slots: attempts that may occupy the resource at once. Default 1.
    pub limit: NonZeroUsize,
    /// The bounds of a limit that finds itself; [`limit`](Self::limit) has no effect then. Default:
    /// the limit is fixed.
    pub adaptive_limit: Option<AdaptiveLimit>,
    /// Number of the resource's seats, where it differs from the limit. A limit below it leaves
    /// spare seats for when some are [closed](crate::Seats::close); a limit above it has no effect.
    /// Default: the limit.
    pub seats: Option<NonZeroUsize>,
    /// Number of jobs that may wait for a slot; 0 refuses calls that cannot start at once. Default
    /// 1,000.
    pub queue: usize,
    /// Order in which waiting jobs get slots. Default:
    /// [`NewestWhenOverloaded`](Order::NewestWhenOverloaded).
    pub order: Order,
    /// Head start of one level of [urgency](crate::Call::urgency) before the next, where the order
    /// knows urgencies. Default 5 s.
    pub head_start: Duration,
    /// Bounds and weights of each [tenant](crate::Call::tenant). Default: none.
    pub per_tenant: PerTenant,
    /// Longest wait of a job for its first slot; the call is
    /// [refused](crate::Refusal::QueueTimeout) then. It never ends a job that has begun. Default:
    /// no limit.
    pub queue_timeout: Option<Duration>,
    /// Rate at which jobs may be admitted. Default: no limit.
    pub rate: Option<Rate>,
    /// Timeout of one attempt. Default: the call's deadline only.
    pub timeout: Option<Duration>,
    /// Deadline of a call, from its arrival to its answer. Default: no limit.
    pub deadline: Option<Duration>,
    /// Rules of retries. Default: no retries.
    pub retry: Option<Retry>,
    /// Fate of a job whose last waiter has left. Default: it is canceled.
    pub on_disconnect: OnDisconnect,
    /// Length of a poll of an attempt from which observers receive that it
    /// [blocks](crate::Fact::AttemptBlocked), at the end of that poll. It is measured by the clock,
    /// so time in which the machine does not run the thread counts as well, and so does
    /// `block_in_place`. Default 100 ms; `None` measures no poll.
    pub notice_blocking: Option<Duration>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            limit: NonZeroUsize::MIN,
            adaptive_limit: None,
            seats: None,
            queue: 1_000,
            order: Order::default(),
            head_start: Duration::from_secs(5),
            per_tenant: PerTenant::default(),
            queue_timeout: None,
            rate: None,
            timeout: None,
            deadline: None,
            retry: None,
            on_disconnect: OnDisconnect::Cancel,
            notice_blocking: Some(Duration::from_millis(100)),
        }
    }
}

/// The fate of a job whose last waiter has left before its deadline.
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
/// assert!(timeout(secs(1), order).await.is_err()); // the caller leaves, the order continues
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
    /// It continues, for the cache or for its effect.
    Finish,
}
