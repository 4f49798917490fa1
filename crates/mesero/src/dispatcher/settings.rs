//! Settings that change while jobs run: the limit and the timeout.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::Dispatcher;
use crate::AdaptiveLimit;

impl<T: Send + Sync + 'static> Dispatcher<T> {
    /// Changes the number of slots. Lowering it takes no slot away from an attempt that has one: the limit
    /// takes effect as slots come back. A limit that [finds
    /// itself](crate::DispatcherBuilder::adaptive_limit) is fixed from then on.
    ///
    /// ```
    /// use mesero::Dispatcher;
    ///
    /// let squares = Dispatcher::<u64>::builder("square").limit(4).build().unwrap();
    /// squares.set_limit(8.try_into().unwrap());
    /// assert_eq!(squares.limit(), 8);
    /// ```
    pub fn set_limit(&self, limit: NonZeroUsize) {
        self.inner.with(|state, now| state.fix_limit(limit, now));
    }

    /// Changes the timeout of one attempt, including attempts that already run; `None` is no limit.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use mesero::{Call, Dispatcher, Error};
    ///
    /// let squares = Dispatcher::<u64>::builder("square").build()?;
    /// squares.set_timeout(Some(Duration::from_secs(3))); // three times the median so far, say
    /// let call = squares.call(Call::unkeyed(), |_attempt| std::future::pending());
    /// assert!(matches!(call.await, Err(Error::TimedOut { after }) if after.as_secs() == 3));
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_timeout(&self, timeout: Option<Duration>) {
        self.inner.set_timeout(timeout);
    }

    /// Waits until the limit changes after the first poll. Dropping the returned future loses only
    /// the notification.
    pub(crate) async fn limit_changed(self) -> Self {
        self.inner.limit_changed.notified().await;
        self
    }

    /// The number of slots.
    pub fn limit(&self) -> usize {
        self.inner.with(|state, _| state.limit())
    }

    /// The bounds within which the limit finds itself; `None` while it is fixed.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::{AdaptiveLimit, Dispatcher};
    ///
    /// let bounds = AdaptiveLimit::between(2, 64).ok_or("no limit")?;
    /// let pages = Dispatcher::<String>::builder("pages").adaptive_limit(bounds).build()?;
    /// assert_eq!(pages.adaptive_limit().map(|bounds| bounds.max().get()), Some(64));
    /// pages.set_limit(bounds.min());
    /// assert_eq!(pages.adaptive_limit(), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn adaptive_limit(&self) -> Option<AdaptiveLimit> {
        self.inner.with(|state, _| state.adaptive_limit())
    }
}
