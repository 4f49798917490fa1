//! How a call can end without a reply, and how a resource can fail.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Why a call got no reply.
///
/// A caller can always tell three things apart: the resource failed ([`Failed`](Error::Failed)),
/// time or interest ran out ([`TimedOut`](Error::TimedOut), [`Expired`](Error::Expired),
/// [`Cancelled`](Error::Cancelled), [`Shed`](Error::Shed)), or it was never started
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
        /// What the job was doing then.
        phase: Phase,
    },
    /// Somebody cancelled the job.
    Cancelled,
    /// The job was still waiting when the dispatcher was told to stop at once.
    Shed,
    /// The call was turned away on arrival; the resource never heard of it.
    Refused(Refusal),
}

/// What a job is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It waits in the queue for a slot.
    Queued,
    /// An attempt of it occupies a slot.
    Running,
    /// It waits to try again, and holds no slot.
    Backoff,
    /// It has ended, but its last attempt still occupies a slot.
    Stopping,
}

impl Phase {
    /// One lower-case word.
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

/// Why a call was turned away on arrival.
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
    /// All slots are taken and the queue is full.
    QueueFull {
        /// When the queue should have drained, at the rate at which slots come back.
        retry_after: Duration,
    },
    /// The rate is used up.
    RateLimited {
        /// When the next call conforms to the rate.
        retry_after: Duration,
    },
    /// The jobs ahead would still be running at the call's deadline.
    DeadlineUnmeetable {
        /// How long they need, at the rate at which slots come back.
        expected_wait: Duration,
    },
    /// The dispatcher takes nothing new.
    Draining,
}

impl Refusal {
    /// When a caller should come back, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match *self {
            Refusal::QueueFull { retry_after } | Refusal::RateLimited { retry_after } => {
                Some(retry_after)
            }
            Refusal::DeadlineUnmeetable { expected_wait } => Some(expected_wait),
            Refusal::Draining => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::QueueFull { .. } => f.write_str("the queue is full"),
            Refusal::RateLimited { .. } => f.write_str("the rate limit is reached"),
            Refusal::DeadlineUnmeetable { expected_wait } => write!(
                f,
                "the deadline cannot be met: the wait alone is expected to take {expected_wait:.1?}"
            ),
            Refusal::Draining => f.write_str("the service is draining and takes nothing new"),
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
            Error::Cancelled => f.write_str("the job was cancelled"),
            Error::Shed => f.write_str("the service stopped before the job's turn came"),
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

/// How a resource failed; cheap to clone, since every waiter of a job gets it.
///
/// ```
/// use mesero::{Advice, Failure, FailureKind};
/// use std::time::Duration;
///
/// // Any error of the work will do, with `?`.
/// fn read() -> Result<Vec<u8>, Failure> {
///     Ok(std::fs::read("no such file")?)
/// }
/// assert_eq!(read().unwrap_err().kind(), FailureKind::Raised);
///
/// let busy = Failure::new(FailureKind::Overloaded, "too many requests")
///     .advise(Advice::After(Duration::from_secs(2)))
///     .with_detail("429, Retry-After: 2");
/// assert_eq!(busy.to_string(), "too many requests");
/// ```
#[derive(Debug, Clone)]
pub struct Failure(Arc<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: FailureKind,
    message: String,
    detail: Option<String>,
    advice: Advice,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What is known about the work when a resource has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// The work was done, and its result is an error: an exception, a non-zero exit code.
    Raised,
    /// The work was never begun: nobody could be reached. It is safe to try again.
    Unreachable,
    /// The resource said that it has too much to do. It is safe to try again, later.
    Overloaded,
    /// The resource went away in the middle; whether the work was done is unknown.
    Lost,
    /// The work was a Rust function, and it panicked.
    Panicked,
}

/// Whether to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// It would end the same way.
    Never,
    /// After the policy's backoff.
    Backoff,
    /// After this long, or the policy's backoff if that is longer.
    After(Duration),
}

impl Failure {
    /// A failure of this `kind`, with a `message` that a client of the service may read.
    ///
    /// [`FailureKind::Unreachable`], [`FailureKind::Overloaded`] and [`FailureKind::Lost`] are
    /// tried again where the policy says so; the others are not, unless [`advice`](Self::advise)
    /// says otherwise.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        let advice = match kind {
            FailureKind::Raised | FailureKind::Panicked => Advice::Never,
            FailureKind::Unreachable | FailureKind::Overloaded | FailureKind::Lost => {
                Advice::Backoff
            }
        };
        Self(Arc::new(Inner { kind, message: message.into(), detail: None, advice, source: None }))
    }

    /// The work was done and its result is an error.
    pub fn raised(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Raised, message)
    }

    /// The resource went away in the middle of the work.
    pub fn lost(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Lost, message)
    }

    /// The resource could not be reached; nothing was begun.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Unreachable, message)
    }

    /// Adds what only the operator may read: a traceback, the tail of stderr.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).detail = Some(detail.into());
        self
    }

    /// Says whether to try again, against what the kind suggests.
    #[must_use]
    pub fn advise(mut self, advice: Advice) -> Self {
        Arc::make_mut(&mut self.0).advice = advice;
        self
    }

    /// What is known about the work.
    pub fn kind(&self) -> FailureKind {
        self.0.kind
    }

    /// What a client of the service may read.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What only the operator may read.
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// Whether to try again.
    pub fn advice(&self) -> Advice {
        self.0.advice
    }

    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

/// Any error of the work becomes a failure that [was raised](FailureKind::Raised).
impl<E: StdError + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let message = error.to_string();
        let mut failure = Self::raised(message);
        Arc::make_mut(&mut failure.0).source = Some(Arc::new(error));
        failure
    }
}
