//! Ends of a call without a reply.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::Failure;

/// The reason for which a call got no reply.
///
/// A caller can always distinguish three cases: the resource failed ([`Failed`](Error::Failed)),
/// time or interest ran out ([`TimedOut`](Error::TimedOut), [`Expired`](Error::Expired),
/// [`Canceled`](Error::Canceled), [`Shed`](Error::Shed)), or it was never started
/// ([`Refused`](Error::Refused)).
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{Call, Dispatcher, Error, Failure};
///
/// let squares = Dispatcher::<u64>::builder("square").build()?;
/// let call = squares.call(Call::unkeyed(), |_attempt| async { Err(Failure::raised("math range error")) });
/// match call.await {
///     Err(Error::Failed(failure)) => assert_eq!(failure.message(), "math range error"),
///     Err(Error::Refused(refusal)) => println!("come back in {:?}", refusal.retry_after()),
///     Err(error) => println!("no time, or no interest: {error}"),
///     Ok(square) => println!("{square}"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// The resource was called, and failed.
    Failed(Failure),
    /// The last attempt did not end within the policy's timeout.
    TimedOut {
        /// That timeout.
        after: Duration,
    },
    /// The call's deadline passed.
    Expired {
        /// The job's phase then.
        phase: Phase,
    },
    /// The job was canceled, by [`Dispatcher::cancel`](crate::Dispatcher::cancel) or by
    /// [`Dispatcher::stop`](crate::Dispatcher::stop) while it ran.
    Canceled,
    /// The job was still waiting when the dispatcher was [stopped](crate::Dispatcher::stop).
    Shed,
    /// The call was refused, on arrival or while it waited; the resource was not called for it.
    Refused(Refusal),
}

/// The phase of a job.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use mesero::{Call, Dispatcher, Error, Phase};
///
/// let squares = Dispatcher::<u64>::builder("square").limit(1).build()?;
/// let second = Call::unkeyed().deadline(Duration::from_secs(1));
/// let call = || squares.call(second.clone(), |_attempt| std::future::pending());
/// let (runs, waits) = tokio::join!(call(), call());
/// assert!(matches!(runs, Err(Error::Expired { phase: Phase::Running })));
/// assert!(matches!(waits, Err(Error::Expired { phase: Phase::Queued })));
/// assert_eq!(Phase::Queued.as_str(), "queued");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It waits in the queue for a slot.
    Queued,
    /// An attempt of it occupies a slot.
    Running,
    /// It waits before its next attempt, and holds no slot.
    Backoff,
    /// It has ended, but its last attempt still occupies a slot.
    Stopping,
}

impl Phase {
    /// The phase as one lower-case word.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Queued => "queued",
            Phase::Running => "running",
            Phase::Backoff => "backoff",
            Phase::Stopping => "stopping",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The reason for which a call was refused: on arrival, or while it waited for a slot.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{Call, Dispatcher, Error, Refusal};
///
/// let squares = Dispatcher::builder("square").build()?;
/// squares.drain();
/// let refused = squares.call(Call::unkeyed(), |_attempt| async { Ok(9) }).await;
/// assert!(matches!(refused, Err(Error::Refused(Refusal::Draining))));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// All slots are taken and the queue is full. A call that waits is refused so when its place goes
    /// to another; see [`Order`](crate::Order).
    QueueFull {
        /// Expected time until the queue has drained, from the pace at which slots come back.
        retry_after: Duration,
    },
    /// The rate is used up.
    RateLimited {
        /// Time until the rate admits the next call.
        retry_after: Duration,
    },
    /// The call's [tenant](crate::Call::tenant) has as many waiting jobs as it may have.
    TenantQueueFull {
        /// Expected time until one of them gets a slot.
        retry_after: Duration,
    },
    /// The job waited for the policy's [`queue_timeout`](crate::Policy::queue_timeout).
    QueueTimeout {
        /// That time.
        after: Duration,
    },
    /// The answer would come after the call's deadline.
    DeadlineUnmeetable {
        /// The expected time until the job has a slot, from the pace at which slots come back.
        expected_wait: Duration,
        /// The time that an attempt is known to need at least, from past ones of its
        /// [kind](crate::Call::kind); zero while it is not known.
        expected_run: Duration,
    },
    /// The dispatcher is draining: it accepts no new calls.
    Draining,
}

impl Refusal {
    /// The time that a caller should wait before it tries again, if that is known.
    ///
    /// ```
    /// use mesero::Refusal;
    /// use std::time::Duration;
    ///
    /// let soon = Duration::from_millis(300);
    /// assert_eq!(Refusal::QueueFull { retry_after: soon }.retry_after(), Some(soon));
    /// assert_eq!(Refusal::Draining.retry_after(), None);
    /// ```
    pub fn retry_after(&self) -> Option<Duration> {
        match *self {
            Refusal::QueueFull { retry_after }
            | Refusal::TenantQueueFull { retry_after }
            | Refusal::RateLimited { retry_after } => Some(retry_after),
            // It was as crowded for as long.
            Refusal::QueueTimeout { after } => Some(after),
            Refusal::DeadlineUnmeetable { expected_wait, .. } => Some(expected_wait),
            Refusal::Draining => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::QueueFull { .. } => f.write_str("the queue is full"),
            Refusal::RateLimited { .. } => f.write_str("the rate limit is reached"),
            Refusal::TenantQueueFull { .. } => f.write_str("the queue of this key is full"),
            Refusal::QueueTimeout { after } => write!(f, "no slot was free within {after:?}"),
            Refusal::DeadlineUnmeetable { expected_wait, expected_run }
                if expected_run.is_zero() =>
            {
                write!(
                    f,
                    "the deadline cannot be met: the wait alone is expected to take \
                     {expected_wait:.1?}"
                )
            }
            Refusal::DeadlineUnmeetable { expected_wait, expected_run }
                if expected_wait.is_zero() =>
            {
                write!(f, "the deadline cannot be met: the work takes at least {expected_run:.1?}")
            }
            Refusal::DeadlineUnmeetable { expected_wait, expected_run } => write!(
                f,
                "the deadline cannot be met: the wait is expected to take {expected_wait:.1?}, and \
                 the work at least {expected_run:.1?}"
            ),
            Refusal::Draining => f.write_str("the service is draining and accepts no new calls"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Failed(failure) => failure.fmt(f),
            Error::TimedOut { after } => write!(f, "no answer within the timeout of {after:?}"),
            Error::Expired { phase: Phase::Queued } => {
                f.write_str("the deadline passed while waiting for a slot")
            }
            Error::Expired { phase: Phase::Backoff } => {
                f.write_str("the deadline passed between two attempts")
            }
            Error::Expired { phase: Phase::Running | Phase::Stopping } => {
                f.write_str("the deadline passed before the answer came")
            }
            Error::Canceled => f.write_str("the job was canceled"),
            Error::Shed => f.write_str("the service stopped before the job got a slot"),
            Error::Refused(refusal) => refusal.fmt(f),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Failed(failure) => failure.source(),
            _ => None,
        }
    }
}
