//! The builder of a dispatcher.

use std::error::Error as StdError;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::Dispatcher;
use crate::event::Observer;
use crate::policy::cache::store::ReplyStore;
use crate::policy::{AdaptiveLimit, Cache, OnDisconnect, Order, PerTenant, Policy, Rate, Retry};
use crate::state::{DispatcherState, Sharing};

/// Builds a [`Dispatcher`]. Every setting has a safe default; see [`Policy`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// use mesero::{Dispatcher, OnDisconnect, Order, PerTenant, Rate, Retry};
///
/// let hundred = NonZeroU32::new(100).ok_or("no rate")?;
/// let builder = Dispatcher::<String>::builder("pages")
///     .limit(10)
///     .queue(1_000)
///     .order(Order::Fair)
///     .per_tenant(PerTenant::default())
///     .rate(Rate::new(hundred, Duration::from_secs(1)).ok_or("no rate")?)
///     .timeout(Duration::from_secs(5))
///     .deadline(Duration::from_secs(30))
///     .retry(Retry::default())
///     .coalesce()
///     .on_disconnect(OnDisconnect::Finish);
/// let pages = builder.build()?;
/// assert_eq!(pages.limit(), 10);
/// # Ok(())
/// # }
/// ```
pub struct DispatcherBuilder<T> {
    name: Arc<str>,
    policy: Policy,
    limit: usize,
    sharing: Sharing<T>,
    observers: Vec<Arc<dyn Observer>>,
}

impl<T: Send + Sync + 'static> Dispatcher<T> {
    /// Starts to build a dispatcher for the resource called `name`.
    pub fn builder(name: impl Into<Arc<str>>) -> DispatcherBuilder<T> {
        DispatcherBuilder::new(name.into())
    }
}

impl<T: Send + Sync + 'static> DispatcherBuilder<T> {
    fn new(name: Arc<str>) -> Self {
        let policy = Policy::default();
        Self {
            name,
            limit: policy.limit.get(),
            policy,
            sharing: Sharing { clone_reply: None, coalesce: false, cache: None },
            observers: Vec::new(),
        }
    }

    /// Replaces every rule set so far by those of `policy`; coalescing, the cache and observers stay.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::{Dispatcher, Policy};
    ///
    /// let mut policy = Policy::default(); // or from a file
    /// policy.queue = 10;
    /// let squares = Dispatcher::<u64>::builder("square").policy(policy).limit(4).build()?;
    /// assert_eq!((squares.limit(), squares.stats().queue.bound), (4, 10));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.limit = policy.limit.get();
        self.policy = policy;
        self
    }

    /// Sets the limit: attempts that may occupy the resource at once; default 1.
    /// [`build`](Self::build) refuses zero.
    #[must_use]
    pub fn limit(mut self, slots: usize) -> Self {
        self.limit = slots;
        self.policy.adaptive_limit = None;
        self
    }

    /// Lets the limit find itself within these bounds; default: it is fixed.
    ///
    /// It rises while more calls at once are served faster, and falls where fewer would be served
    /// as fast, by the run times of attempts while all slots are taken. To find that out, it is a
    /// little higher or lower for some seconds now and then; no call is refused for that.
    /// [`Dispatcher::set_limit`] ends it.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::{AdaptiveLimit, Dispatcher};
    ///
    /// let bounds = AdaptiveLimit::between(2, 64).ok_or("no limit")?;
    /// let pages = Dispatcher::<String>::builder("pages").adaptive_limit(bounds).build()?;
    /// assert_eq!(pages.limit(), 4); // at the start
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn adaptive_limit(mut self, bounds: AdaptiveLimit) -> Self {
        self.limit = bounds.min().get();
        self.policy.adaptive_limit = Some(bounds);
        self
    }

    /// Sets the size of the queue: jobs that may wait for a slot; default 1,000. With 0, a call
    /// that finds no free slot is refused.
    #[must_use]
    pub fn queue(mut self, jobs: usize) -> Self {
        self.policy.queue = jobs;
        self
    }

    /// Sets the order in which waiting jobs get slots; default:
    /// [`Order::NewestWhenOverloaded`].
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.policy.order = order;
        self
    }

    /// Sets the longest wait of a job for its first slot; default: no limit.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use mesero::{Call, Dispatcher, Error, Refusal};
    /// use tokio::time::sleep;
    ///
    /// let secs = Duration::from_secs;
    /// let naps = Dispatcher::builder("nap").queue_timeout(secs(1)).build()?;
    /// let nap = || naps.call(Call::unkeyed(), move |_attempt| async move { Ok(sleep(secs(5)).await) });
    /// let (first, second) = tokio::join!(nap(), nap());
    /// assert!(first.is_ok());
    /// assert!(matches!(second, Err(Error::Refused(Refusal::QueueTimeout { .. }))));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn queue_timeout(mut self, after: Duration) -> Self {
        self.policy.queue_timeout = Some(after);
        self
    }

    /// Sets bounds and weights of each [tenant](crate::Call::tenant); default: none.
    #[must_use]
    pub fn per_tenant(mut self, bounds: PerTenant) -> Self {
        self.policy.per_tenant = bounds;
        self
    }

    /// Sets the rate at which jobs may be admitted; default: no limit.
    #[must_use]
    pub fn rate(mut self, rate: Rate) -> Self {
        self.policy.rate = Some(rate);
        self
    }

    /// Sets the timeout of one attempt; default: no limit. The attempt's future is dropped then.
    #[must_use]
    pub fn timeout(mut self, after: Duration) -> Self {
        self.policy.timeout = Some(after);
        self
    }

    /// Sets the deadline of a call, from its arrival to its answer: queue, attempts and backoff
    /// together. Default: no limit.
    #[must_use]
    pub fn deadline(mut self, after: Duration) -> Self {
        self.policy.deadline = Some(after);
        self
    }

    /// Sets the rules of retries; default: no retries.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.policy.retry = Some(retry);
        self
    }

    /// Sets the fate of a job whose last caller has left; default: it is canceled.
    #[must_use]
    pub fn on_disconnect(mut self, on_disconnect: OnDisconnect) -> Self {
        self.policy.on_disconnect = on_disconnect;
        self
    }

    /// Sets the length from which a poll of an attempt counts as
    /// [blocking](crate::Fact::AttemptBlocked); default: 100 ms. Observers receive it at the end of
    /// that poll.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use mesero::{Call, Dispatcher};
    ///
    /// let squares = Dispatcher::builder("square").notice_blocking(Duration::from_millis(1)).build()?;
    /// let call = squares.call(Call::unkeyed(), |_attempt| async {
    ///     std::thread::sleep(Duration::from_millis(2)); // not an `await`: no other task makes progress
    ///     Ok(9)
    /// });
    /// call.await?;
    /// assert_eq!(squares.stats().attempts.blocked, 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn notice_blocking(mut self, after: Duration) -> Self {
        self.policy.notice_blocking = Some(after);
        self
    }

    /// Adds an observer, which receives every fact; may be called several times.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::{Call, Dispatcher, Event};
    ///
    /// let log = |event: &Event| eprintln!("{:?}", event.fact);
    /// let squares = Dispatcher::builder("square").observer(log).build()?;
    /// squares.call(Call::unkeyed(), |_attempt| async { Ok(9) }).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// Builds the dispatcher. It starts no task: nothing runs until the first call.
    ///
    /// # Errors
    /// If the limit is zero, since nothing could ever run.
    pub fn build(mut self) -> Result<Dispatcher<T>, BuildError> {
        self.policy.limit = NonZeroUsize::new(self.limit).ok_or(BuildError::NoSlots)?;
        let state = DispatcherState::new(self.policy, self.sharing, !self.observers.is_empty());
        Ok(Dispatcher::new(self.name, state, self.observers))
    }
}

impl<T: Clone + Send + Sync + 'static> DispatcherBuilder<T> {
    /// Lets calls join the job in flight that has the same key, instead of starting one of their own.
    /// Each of them gets a clone of its reply.
    #[must_use]
    pub fn coalesce(mut self) -> Self {
        self.sharing.coalesce = true;
        self.sharing.clone_reply = Some(T::clone);
        self
    }

    /// Caches replies by key, by the rules of `cache`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use mesero::{Cache, Call, Dispatcher};
    ///
    /// let minute = Cache::new(Duration::from_secs(60), 1 << 20, |_: &u64| size_of::<u64>());
    /// let squares = Dispatcher::builder("square").coalesce().cache(minute).build()?;
    /// for _ in 0..3 {
    ///     squares.call(Call::new("3"), |_attempt| async { Ok(9) }).await?;
    /// }
    /// assert_eq!((squares.stats().jobs.started, squares.stats().calls.cached), (1, 2));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn cache(mut self, cache: Cache<T>) -> Self {
        self.sharing.cache = Some(ReplyStore::new(cache));
        self.sharing.clone_reply = Some(T::clone);
        self
    }
}

impl<T> fmt::Debug for DispatcherBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DispatcherBuilder")
            .field("name", &self.name)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// The reason for which a dispatcher could not be built.
///
/// ```
/// use mesero::{BuildError, Dispatcher};
///
/// let nothing = Dispatcher::<u64>::builder("square").limit(0).build();
/// assert_eq!(nothing.err(), Some(BuildError::NoSlots));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// The limit is zero.
    NoSlots,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::NoSlots => {
                f.write_str("the limit is 0, so nothing could ever run; use at least 1")
            }
        }
    }
}

impl StdError for BuildError {}
