//! Answers of calls: the result, its origin and its cost.

use std::time::Duration;

use crate::Error;
use crate::call::JobId;

/// The result of a call, with a report of its origin and cost.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{Answer, Call, Dispatcher};
///
/// let squares = Dispatcher::builder("square").build()?;
/// let Answer { result, report } = squares.ask(Call::unkeyed(), |_attempt| async { Ok(9) }).await;
/// println!("{} after {:?} in the queue and {:?} of work", result?, report.waited, report.ran);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Answer<T> {
    /// The resource's reply, or the reason for its absence.
    pub result: Result<T, Error>,
    /// The answer's origin and cost.
    pub report: CallReport,
}

/// The origin and the cost of an answer.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{Call, Dispatcher, Origin};
///
/// let squares = Dispatcher::builder("square").build()?;
/// let report = squares.ask(Call::unkeyed(), |_attempt| async { Ok(9) }).await.report;
/// assert_eq!((report.origin, report.attempts), (Origin::Led, 1));
/// assert!(report.waited.is_zero() && report.age.is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallReport {
    /// The source of the answer: a job of its own, a shared job, or the cache.
    pub origin: Origin,
    /// The job that did the work; `None` if the call was refused or answered from the cache.
    pub job: Option<JobId>,
    /// Time the job waited in the queue, over all its attempts.
    pub waited: Duration,
    /// Total run time of the job's attempts.
    pub ran: Duration,
    /// Number of the job's attempts, including the first.
    pub attempts: u32,
    /// Age of the reply: the time since the resource gave it; `None` if it is fresh from the
    /// resource.
    ///
    /// Together with [`Led`](Origin::Led) or [`Joined`](Origin::Joined) it means that the job ended
    /// with an error and that a stale reply from the cache replaced it.
    pub age: Option<Duration>,
}

impl CallReport {
    pub(crate) fn of(origin: Origin) -> Self {
        let nothing = Duration::ZERO;
        Self { origin, job: None, waited: nothing, ran: nothing, attempts: 0, age: None }
    }
}

/// The source of an answer.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{Call, Dispatcher, Origin};
///
/// let squares = Dispatcher::builder("square").coalesce().build()?;
/// let ask = || squares.ask(Call::new("3"), |_attempt| async { Ok(9) });
/// let (one, other) = tokio::join!(ask(), ask());
/// assert_eq!((one.report.origin, other.report.origin), (Origin::Led, Origin::Joined));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// This call started the job.
    Led,
    /// The job was already in flight, and this call shared it.
    Joined,
    /// The answer was in the cache: a fresh reply, or a remembered failure.
    Cached,
    /// The cache held a stale reply, which was returned at once.
    Stale,
    /// None: the call was refused.
    Refused,
}
