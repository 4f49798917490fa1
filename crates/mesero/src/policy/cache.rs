//! Caching of replies and failures, and the use of stale replies.

use std::fmt;
use std::time::Duration;

use crate::Error;

pub(crate) mod store;

/// Keeps replies by key, so that many readers cost one job.
///
/// A reply is *fresh* for the `ttl`, counted from the end of the job that fetched it, and *stale*
/// from the moment at which it is exactly that old. The other settings say when a stale reply is
/// used; all of them are off by default. The terms are those of RFC 5861.
///
/// One refresh runs at a time for a key, with or without [`coalesce`](crate::DispatcherBuilder::coalesce).
/// Calls that find no entry share a job only with it, so a cache that protects its resource needs
/// both.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use mesero::{Cache, Call, Dispatcher, Failure};
///
/// let secs = Duration::from_secs;
/// let cache = Cache::new(secs(60), 64 << 20, String::len).stale_if_error(secs(3600));
/// let pages = Dispatcher::builder("pages").coalesce().cache(cache).build()?;
///
/// pages.call(Call::new("/"), |_attempt| async { Ok("welcome".to_owned()) }).await?;
/// tokio::time::advance(secs(600)).await;
/// let page = pages.call(Call::new("/"), |_attempt| async { Err(Failure::lost("it broke")) });
/// assert_eq!(page.await?, "welcome");
/// # Ok(())
/// # }
/// ```
pub struct Cache<T> {
    ttl: Duration,
    bytes: u64,
    size_of: fn(&T) -> usize,
    stale_while_revalidate: Duration,
    stale_if_error: Duration,
    negative: Option<NegativeRule>,
}

/// Caching of failures.
struct NegativeRule {
    ttl: Duration,
    remembers: Box<dyn Fn(&Error) -> bool + Send + Sync>,
}

impl<T> Cache<T> {
    /// Caches replies for `ttl`, in at most `bytes` bytes of memory; the least used are evicted
    /// first. `size_of` returns the size of a reply in bytes, and is called once for each.
    ///
    /// A reply is cloned into the cache and out of it: make that cheap, by an
    /// [`Arc`](std::sync::Arc) for instance. A reply larger than the whole cache is not cached.
    pub fn new(ttl: Duration, bytes: u64, size_of: fn(&T) -> usize) -> Self {
        let (stale_while_revalidate, stale_if_error) = (Duration::ZERO, Duration::ZERO);
        Self { ttl, bytes, size_of, stale_while_revalidate, stale_if_error, negative: None }
    }

    /// For `window` after the `ttl`, answers a call with the stale reply at once, while one job
    /// without callers fetches a new one.
    ///
    /// The job is admitted like any other; where it would be refused none is started, and a later
    /// call tries again. It has the dispatcher's own deadline, and continues when callers leave.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use mesero::{Cache, Call, Dispatcher, Origin};
    ///
    /// let secs = Duration::from_secs;
    /// let cache = Cache::new(secs(60), 1 << 20, |_: &u64| 8).stale_while_revalidate(secs(600));
    /// let squares = Dispatcher::builder("square").coalesce().cache(cache).build()?;
    /// let ask = |reply| squares.ask(Call::new("now"), move |_attempt| async move { Ok(reply) });
    /// ask(1).await.result?;
    /// tokio::time::advance(secs(90)).await;
    /// let old = ask(2).await; // the second reply is fetched without a caller
    /// assert_eq!((old.result?, old.report.origin), (1, Origin::Stale));
    /// assert_eq!(old.report.age, Some(secs(90)));
    /// squares.idle().await;
    /// assert_eq!(ask(3).await.result?, 2); // later calls get it
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.stale_while_revalidate = window;
        self
    }

    /// For `window` after the `ttl`, replaces a call's error by the stale reply: when the resource
    /// fails or takes too long, when the call's deadline passes, when the call would be refused,
    /// and when the dispatcher stops. A canceled job keeps its error.
    ///
    /// After a failure the next try for that key comes no sooner than the time for which failures
    /// are [cached](Self::negative), or a second where none are: until then calls get the stale
    /// reply at once.
    #[must_use]
    pub fn stale_if_error(mut self, window: Duration) -> Self {
        self.stale_if_error = window;
        self
    }

    /// Caches failures for `ttl`, so that a resource that is down does not get a call from each
    /// caller: until then calls of the same key get the same error at once.
    ///
    /// Only an [`Error::Failed`] or [`Error::TimedOut`] is cached, and only if `remembers` returns
    /// true for it. A usable stale reply takes precedence over a cached failure.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use mesero::{Cache, Call, Dispatcher, Error, Failure};
    ///
    /// let secs = Duration::from_secs;
    /// let known = |error: &Error| error.to_string() == "not found";
    /// let cache = Cache::new(secs(60), 1 << 20, String::len).negative(secs(10), known);
    /// let pages = Dispatcher::builder("pages").coalesce().cache(cache).build()?;
    /// for _ in 0..3 {
    ///     let fetch = |_attempt| async { Err(Failure::raised("not found")) };
    ///     assert!(pages.call(Call::new("/typo"), fetch).await.is_err());
    /// }
    /// assert_eq!((pages.stats().jobs.started, pages.stats().calls.negative), (1, 2));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn negative(
        mut self,
        ttl: Duration,
        remembers: impl Fn(&Error) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.negative = Some(NegativeRule { ttl, remembers: Box::new(remembers) });
        self
    }
}

impl<T> fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("ttl", &self.ttl)
            .field("bytes", &self.bytes)
            .field("stale_while_revalidate", &self.stale_while_revalidate)
            .field("stale_if_error", &self.stale_if_error)
            .field("negative", &self.negative.as_ref().map(|negative| negative.ttl))
            .finish_non_exhaustive()
    }
}
