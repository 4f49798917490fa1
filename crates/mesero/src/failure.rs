//! Failures of a resource, and advice about retries.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A failure of a resource. It is cheap to clone, because every caller that waits for the job gets
/// it.
///
/// ```
/// use mesero::{Advice, Failure, FailureKind};
/// use std::time::Duration;
///
/// // Any error converts into a failure, so `?` works.
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
pub struct Failure(Arc<FailureInner>);

#[derive(Debug, Clone)]
struct FailureInner {
    kind: FailureKind,
    message: String,
    detail: Option<String>,
    advice: Advice,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The kind of a failure, which says whether the work was done.
///
/// ```
/// use mesero::{Failure, FailureKind};
///
/// fn of_status(status: u16) -> FailureKind {
///     match status {
///         429 | 503 => FailureKind::Overloaded,
///         502 | 504 => FailureKind::Unreachable,
///         _ => FailureKind::Raised,
///     }
/// }
/// assert_eq!(Failure::new(of_status(503), "try later").kind(), FailureKind::Overloaded);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// The work was done, and its result is an error: an exception, a non-zero exit code.
    Raised,
    /// The work was never begun, because the resource could not be reached. It is safe to retry.
    Unreachable,
    /// The resource said that it is overloaded. It is safe to retry later.
    Overloaded,
    /// The resource was lost during the work; it is unknown whether the work was done.
    Lost,
    /// The work was a Rust function, and it panicked.
    Panicked,
}

/// Advice on retrying.
///
/// ```
/// use mesero::{Advice, Failure};
///
/// assert_eq!(Failure::raised("no such user").advice(), Advice::Never);
/// assert_eq!(Failure::lost("connection reset").advice(), Advice::Backoff);
/// // This work is not safe to repeat, despite its kind.
/// assert_eq!(Failure::lost("connection reset").advise(Advice::Never).advice(), Advice::Never);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// No retry: it would end the same way.
    Never,
    /// After the policy's backoff.
    Backoff,
    /// After this long, or the policy's backoff if that is longer.
    After(Duration),
}

impl Failure {
    /// A failure of this `kind`, with a `message` that a client of the service may read.
    ///
    /// Where the policy retries, [`FailureKind::Unreachable`], [`FailureKind::Overloaded`] and
    /// [`FailureKind::Lost`] are retried and the others are not; [`advise`](Self::advise) overrides that.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        let advice = match kind {
            FailureKind::Raised | FailureKind::Panicked => Advice::Never,
            FailureKind::Unreachable | FailureKind::Overloaded | FailureKind::Lost => {
                Advice::Backoff
            }
        };
        Self(Arc::new(FailureInner {
            kind,
            message: message.into(),
            detail: None,
            advice,
            source: None,
        }))
    }

    /// A failure of the kind [`FailureKind::Raised`]: the work was done, and its result is an error.
    ///
    /// ```
    /// use mesero::{Failure, FailureKind};
    ///
    /// assert_eq!(Failure::raised("math range error").kind(), FailureKind::Raised);
    /// ```
    pub fn raised(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Raised, message)
    }

    /// A failure of the kind [`FailureKind::Lost`]: the resource was lost during the work.
    ///
    /// ```
    /// use mesero::{Failure, FailureKind};
    ///
    /// assert_eq!(Failure::lost("the worker died").kind(), FailureKind::Lost);
    /// ```
    pub fn lost(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Lost, message)
    }

    /// A failure of the kind [`FailureKind::Unreachable`]: the resource could not be reached, and nothing
    /// was begun.
    ///
    /// ```
    /// use mesero::{Failure, FailureKind};
    ///
    /// assert_eq!(Failure::unreachable("connection refused").kind(), FailureKind::Unreachable);
    /// ```
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Unreachable, message)
    }

    /// Adds a detail that only the operator may read: a traceback, the tail of stderr.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).detail = Some(detail.into());
        self
    }

    /// Adds the underlying error, which [`Error::source`](std::error::Error::source) then returns.
    ///
    /// ```
    /// use std::error::Error as _;
    /// use mesero::{Error, Failure};
    ///
    /// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    /// let error = Error::Failed(Failure::unreachable("connection refused").with_source(refused));
    /// assert!(error.source().is_some_and(|source| source.is::<std::io::Error>()));
    /// ```
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.0).source = Some(Arc::new(source));
        self
    }

    /// Sets the advice on retrying, in place of the kind's own.
    #[must_use]
    pub fn advise(mut self, advice: Advice) -> Self {
        Arc::make_mut(&mut self.0).advice = advice;
        self
    }

    /// The kind of the failure.
    pub fn kind(&self) -> FailureKind {
        self.0.kind
    }

    /// The message, which a client of the service may read.
    ///
    /// ```
    /// assert_eq!(mesero::Failure::raised("math range error").message(), "math range error");
    /// ```
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The detail, which only the operator may read.
    ///
    /// ```
    /// let failure = mesero::Failure::raised("math range error").with_detail("line 3, in square");
    /// assert_eq!(failure.detail(), Some("line 3, in square"));
    /// ```
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// Advice on retrying.
    ///
    /// ```
    /// use mesero::{Advice, Failure};
    ///
    /// assert_eq!(Failure::unreachable("connection refused").advice(), Advice::Backoff);
    /// ```
    pub fn advice(&self) -> Advice {
        self.0.advice
    }

    pub(crate) fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

/// Any error becomes a failure of the kind [`Raised`](FailureKind::Raised), with the error as its source.
impl<E: StdError + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::raised(error.to_string()).with_source(error)
    }
}
