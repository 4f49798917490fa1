//! A caller's request, and the answer to it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

/// One caller's request: its key, its arguments and its deadline.
///
/// Where the dispatcher coalesces or caches, a call with a [key](Call::new) can share the work of other
/// calls with the same key; a call [without one](Call::unkeyed) never does.
///
/// ```
/// use std::time::Duration;
/// use mesero::Call;
///
/// let call = Call::new("3").argument("num", "3").deadline(Duration::from_secs(2));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Call {
    pub(crate) key: Option<Key>,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) deadline: Deadline,
    pub(crate) when_full: WhenFull,
    pub(crate) tenant: Option<Key>,
    pub(crate) kind: Option<Key>,
    pub(crate) urgency: Urgency,
}

impl Call {
    /// A call that may share its work with every other call that has the same `key`.
    pub fn new(key: impl Into<Key>) -> Self {
        Self { key: Some(key.into()), ..Self::default() }
    }

    /// A call that shares its work with no other.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::{Call, Dispatcher};
    ///
    /// // Two orders stay two orders, even where calls are coalesced.
    /// let orders = Dispatcher::builder("order").limit(2).coalesce().build()?;
    /// let order = || orders.call(Call::unkeyed(), |_attempt| async { Ok("soup") });
    /// let (one, other) = tokio::join!(order(), order());
    /// assert_eq!((one?, other?, orders.stats().jobs.started), ("soup", "soup", 2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn unkeyed() -> Self {
        Self::default()
    }

    /// Adds a named argument for the list of jobs in flight, which shows its text unchanged.
    ///
    /// The dispatcher does not read it: the work gets its input from what its closure captures.
    #[must_use]
    pub fn argument(mut self, name: impl Into<Arc<str>>, text: impl Into<String>) -> Self {
        self.arguments.push(Argument { name: name.into(), text: text.into() });
        self
    }

    /// Expires `after` this long, counted from the moment the call is made.
    ///
    /// This replaces the dispatcher's own deadline. It covers the wait for a slot, all attempts and the
    /// backoff between them.
    #[must_use]
    pub fn deadline(mut self, after: Duration) -> Self {
        self.deadline = Deadline::After(after);
        self
    }

    /// Waits without a deadline, even if the dispatcher has one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use mesero::{Call, Dispatcher, Error};
    /// use tokio::time::sleep;
    ///
    /// let secs = Duration::from_secs;
    /// let naps = Dispatcher::builder("nap").deadline(secs(1)).build()?;
    /// let nap = |call| naps.call(call, move |_attempt| async move { Ok(sleep(secs(5)).await) });
    /// assert!(matches!(nap(Call::unkeyed()).await, Err(Error::Expired { .. })));
    /// assert!(nap(Call::unkeyed().without_deadline()).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn without_deadline(mut self) -> Self {
        self.deadline = Deadline::Never;
        self
    }

    /// Counts the call as one of this tenant: a user, a customer, an API key. Tenants have bounds and
    /// shares of their own, see [`PerTenant`](crate::PerTenant) and
    /// [`Order::Fair`](crate::Order::Fair). Calls without one are a tenant together.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::{Call, Dispatcher, Order};
    ///
    /// let pages = Dispatcher::builder("pages").order(Order::Fair).build()?;
    /// let call = Call::unkeyed().tenant("customer 17");
    /// pages.call(call, |_attempt| async { Ok("page") }).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<Key>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Names the kind of work, by which run times are forecast: long calls of one kind say nothing
    /// about calls of another. Calls without one are a kind together.
    ///
    /// ```
    /// let call = mesero::Call::unkeyed().kind("GET /report");
    /// ```
    #[must_use]
    pub fn kind(mut self, kind: impl Into<Key>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Sets the urgency, from 0, the most urgent, to 7; default 3, as in RFC 9218. Larger numbers
    /// mean 7. Only some [orders](crate::Order) know it.
    ///
    /// ```
    /// let call = mesero::Call::unkeyed().urgency(0);
    /// ```
    #[must_use]
    pub fn urgency(mut self, urgency: u8) -> Self {
        self.urgency = Urgency(urgency.min(URGENCIES - 1));
        self
    }

    /// Waits for room instead of being refused when the queue is full or the rate is used up.
    ///
    /// Until there is room the call does not count as started and its deadline does not run. Calls that
    /// wait this way are not queued: they have no order among themselves, and all of them wake up when
    /// there is room. It is meant for a source that makes one call at a time, as
    /// [`call_all`](crate::Dispatcher::call_all) does.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use mesero::{Call, Dispatcher, Error};
    /// use tokio::time::sleep;
    ///
    /// let second = Duration::from_secs(1);
    /// let naps = Dispatcher::builder("nap").limit(1).queue(0).build()?;
    /// let nap = |call| naps.call(call, move |_attempt| async move { Ok(sleep(second).await) });
    /// let (one, two) = (Call::unkeyed(), Call::unkeyed());
    /// let waits = Call::unkeyed().wait_for_room();
    /// let (first, refused, waited) = tokio::join!(nap(one), nap(two), nap(waits));
    /// assert!(first.is_ok() && waited.is_ok());
    /// assert!(matches!(refused, Err(Error::Refused(_))));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn wait_for_room(mut self) -> Self {
        self.when_full = WhenFull::Wait;
        self
    }
}

/// The deadline of a call, relative to its admission.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Deadline {
    /// The dispatcher's own deadline.
    #[default]
    FromPolicy,
    After(Duration),
    Never,
}

/// Levels of urgency, as RFC 9218 has them; 0 is the most urgent.
pub(crate) const URGENCIES: u8 = 8;

/// The urgency of a call, below [`URGENCIES`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Urgency(pub(crate) u8);

impl Default for Urgency {
    fn default() -> Self {
        Self(3)
    }
}

/// The reaction of a call to a full queue or an exhausted rate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum WhenFull {
    #[default]
    Refuse,
    Wait,
}

/// The identity of a call's work: calls with the same key may share one job.
///
/// Every input that changes the answer belongs in the key. It is cheap to clone.
///
/// ```
/// use mesero::Key;
///
/// // The square of 3 depends neither on the caller nor on how the number was written.
/// let key = |num: f64| Key::from(format!("square {num}"));
/// assert_eq!(key(3.0), key("3.00".parse().unwrap()));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Arc<str>);

impl Key {
    /// The key as it was given.
    ///
    /// ```
    /// assert_eq!(mesero::Key::from("square 3").as_str(), "square 3");
    /// ```
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// A named argument of a call, as the caller wrote it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{Argument, Call, Dispatcher};
///
/// let squares = Dispatcher::builder("square").build()?;
/// let call = Call::unkeyed().argument("num", "3.0");
/// squares.call(call, |attempt| async move {
///     let Argument { name, text } = &attempt.info().arguments[0];
///     assert_eq!((&**name, &**text), ("num", "3.0"));
///     Ok(9.0)
/// }).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// The argument's name.
    pub name: Arc<str>,
    /// The argument's text, unchanged.
    pub text: String,
}

/// The number of a job: unique in its dispatcher, ascending in the order of admission, never reused.
///
/// ```
/// use mesero::JobId;
///
/// let id: JobId = "17".parse().unwrap();
/// assert_eq!((id.number(), id.to_string()), (17, "17".to_owned()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub(crate) u64);

impl JobId {
    /// The number itself.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for JobId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(JobId)
    }
}

/// The identity of a job, fixed at its admission.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{Call, Dispatcher, JobInfo};
///
/// let squares = Dispatcher::builder("square").build()?;
/// let call = Call::new("3").argument("num", "3");
/// squares.call(call, |attempt| async move {
///     let JobInfo { id, key, .. } = attempt.info();
///     assert_eq!((id.number(), key.as_ref().map(|key| key.as_str())), (1, Some("3")));
///     Ok(9)
/// }).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct JobInfo {
    /// The job's number.
    pub id: JobId,
    /// The key of the call that started the job, if it had one.
    pub key: Option<Key>,
    /// The arguments of the call that started the job.
    pub arguments: Vec<Argument>,
    /// The instant of the job's admission.
    pub started: Instant,
}
