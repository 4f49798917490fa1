//! Facts: what happened, told once to everything that counts, logs or draws.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::call::JobInfo;
use crate::slot::Stop;
use crate::{Error, Phase, Refusal};

/// Something that happened in a dispatcher.
///
/// ```
/// use mesero::{Event, Fact};
///
/// fn log(event: &Event) {
///     if let Fact::AttemptFinished { job, ran, error: Some(error), .. } = &event.fact {
///         eprintln!("{:?} job {} failed after {ran:?}: {error}", event.at, job.id);
///     }
/// }
/// # mesero::Dispatcher::<u64>::builder("square").observer(log).build().unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct Event {
    /// When it happened.
    pub at: Instant,
    /// What happened.
    pub fact: Fact,
}

/// What happened.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::{Arc, Mutex};
/// use mesero::{Call, Dispatcher, Event, Fact, Outcome};
///
/// let ended = Arc::new(Mutex::new(Vec::new()));
/// let heard = Arc::clone(&ended);
/// let observer = move |event: &Event| {
///     if let Fact::JobFinished { outcome, attempts, .. } = event.fact {
///         heard.lock().unwrap().push((outcome, attempts));
///     }
/// };
/// let squares = Dispatcher::builder("square").observer(observer).build()?;
/// squares.call(Call::unkeyed(), |_attempt| async { Ok(9) }).await?;
/// squares.idle().await;
/// assert_eq!(*ended.lock().unwrap(), [(Outcome::Succeeded, 1)]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Fact {
    /// A call was refused.
    CallRefused(Refusal),
    /// A call was answered with a fresh reply from the cache.
    CallCached,
    /// A call was answered at once with a stale reply from the cache.
    CallStale,
    /// A call was answered with a failure that the cache remembers.
    CallNegative,
    /// A call started a job.
    CallLed(Arc<JobInfo>),
    /// A call joined a job in flight.
    CallJoined(Arc<JobInfo>),
    /// A job ended with an error, and a call that had led or joined it got a stale reply instead.
    CallRescued,
    /// A call that had led or joined a job got its answer, or left.
    CallFinished,
    /// A job was started that no call waits for, to replace a stale reply in the cache.
    RefreshStarted(Arc<JobInfo>),
    /// A job entered the queue.
    JobQueued {
        /// Which job.
        job: Arc<JobInfo>,
        /// Whether it is a retry.
        is_retry: bool,
    },
    /// A job left the queue: with a slot, or because it ended.
    JobUnqueued {
        /// Which job.
        job: Arc<JobInfo>,
        /// How long it was queued this time.
        waited: Duration,
        /// Whether it was a retry.
        is_retry: bool,
    },
    /// A slot was granted to a job.
    SlotTaken {
        /// Which job.
        job: Arc<JobInfo>,
        /// The slot's [seat](crate::Slot::seat).
        seat: usize,
    },
    /// A slot is free again: what occupied the resource has really stopped.
    SlotReturned {
        /// The slot's [seat](crate::Slot::seat).
        seat: usize,
        /// How long it was occupied.
        held: Duration,
        /// How much of that came after the attempt was over for its job.
        overdue: Duration,
    },
    /// An attempt began.
    AttemptStarted {
        /// The job that it belongs to.
        job: Arc<JobInfo>,
        /// Which attempt this is; the first is 1.
        number: u32,
    },
    /// An attempt held its thread for longer than
    /// [`notice_blocking`](crate::Policy::notice_blocking) allows: no other task could run there.
    AttemptBlocked {
        /// The job that it belongs to.
        job: Arc<JobInfo>,
        /// Which attempt this was.
        number: u32,
        /// For how long it did not yield.
        held: Duration,
    },
    /// An attempt is over, as far as its job is concerned.
    AttemptFinished {
        /// The job that it belongs to.
        job: Arc<JobInfo>,
        /// Which attempt this was.
        number: u32,
        /// How long it took.
        ran: Duration,
        /// What went wrong, if something did.
        error: Option<Error>,
    },
    /// An attempt that had been given up has really stopped. Resources that know how it stopped report it
    /// with [`Slot::stopped`](crate::Slot::stopped), right before the slot is returned.
    AttemptStopped {
        /// The job that it belongs to.
        job: Arc<JobInfo>,
        /// Which attempt this was.
        number: u32,
        /// How it stopped, and how long after it had been given up.
        stop: Stop,
    },
    /// A job will be retried after a pause.
    RetryScheduled {
        /// Which job.
        job: Arc<JobInfo>,
        /// The pause.
        backoff: Duration,
    },
    /// A job would have been retried, but the retry budget is used up.
    RetryRefused {
        /// Which job.
        job: Arc<JobInfo>,
    },
    /// A job is over.
    JobFinished {
        /// Which job.
        job: Arc<JobInfo>,
        /// How it ended.
        outcome: Outcome,
        /// The error, if it ended with one.
        error: Option<Error>,
        /// How long it waited in the queue, over all its attempts.
        waited: Duration,
        /// How long its attempts ran in total.
        ran: Duration,
        /// How many attempts it made.
        attempts: u32,
        /// What it was doing when it ended.
        phase: Phase,
    },
}

/// How a job ended.
///
/// ```
/// use mesero::{Dispatcher, Outcome};
///
/// let stats = Dispatcher::<u64>::builder("square").build().unwrap().stats();
/// for outcome in Outcome::ALL {
///     println!("{}: {}", outcome.as_str(), stats.jobs.of(outcome));
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// With a reply.
    Succeeded,
    /// The last attempt failed.
    Failed,
    /// The last attempt took longer than the timeout.
    TimedOut,
    /// The deadline passed.
    Expired,
    /// It was still waiting when the dispatcher was [stopped](crate::Dispatcher::stop).
    Shed,
    /// It was canceled, or its last caller left.
    Canceled,
}

impl Outcome {
    /// All of them, in the order of declaration.
    pub const ALL: [Outcome; 6] = [
        Outcome::Succeeded,
        Outcome::Failed,
        Outcome::TimedOut,
        Outcome::Expired,
        Outcome::Shed,
        Outcome::Canceled,
    ];

    /// The outcome as one lower-case word.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Succeeded => "succeeded",
            Outcome::Failed => "failed",
            Outcome::TimedOut => "timed_out",
            Outcome::Expired => "expired",
            Outcome::Shed => "shed",
            Outcome::Canceled => "canceled",
        }
    }

    pub(crate) fn of(error: Option<&Error>) -> Self {
        match error {
            None => Outcome::Succeeded,
            // Only calls are refused, never jobs.
            Some(Error::Failed(_) | Error::Refused(_)) => Outcome::Failed,
            Some(Error::TimedOut { .. }) => Outcome::TimedOut,
            Some(Error::Expired { .. }) => Outcome::Expired,
            Some(Error::Shed) => Outcome::Shed,
            Some(Error::Canceled) => Outcome::Canceled,
        }
    }
}

/// Something that is told every fact.
///
/// It is called on the task that caused the fact, after the dispatcher's lock was released: it may call
/// the dispatcher, but must neither block nor panic. Facts from several threads may be told in another
/// order than they happened in; [`Event::at`] has the true order.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use mesero::{Call, Dispatcher, Event, Fact};
///
/// let slow = Arc::new(AtomicUsize::new(0));
/// let counted = Arc::clone(&slow);
/// let observer = move |event: &Event| match &event.fact {
///     Fact::AttemptFinished { ran, .. } if ran.as_secs() >= 1 => {
///         counted.fetch_add(1, Ordering::Relaxed);
///     }
///     _ => {}
/// };
/// let squares = Dispatcher::builder("square").observer(observer).build()?;
/// squares
///     .call(Call::unkeyed(), |_attempt| async {
///         tokio::time::sleep(std::time::Duration::from_secs(1)).await;
///         Ok(9)
///     })
///     .await?;
/// assert_eq!(slow.load(Ordering::Relaxed), 1);
/// # Ok(())
/// # }
/// ```
pub trait Observer: Send + Sync {
    /// Is told one fact.
    ///
    /// ```
    /// use mesero::{Event, Fact, Observer};
    ///
    /// struct Refusals;
    ///
    /// impl Observer for Refusals {
    ///     fn observe(&self, event: &Event) {
    ///         if let Fact::CallRefused(refusal) = event.fact {
    ///             eprintln!("refused: {refusal}");
    ///         }
    ///     }
    /// }
    /// # mesero::Dispatcher::<u64>::builder("square").observer(Refusals).build().unwrap();
    /// ```
    fn observe(&self, event: &Event);
}

impl<F: Fn(&Event) + Send + Sync> Observer for F {
    fn observe(&self, event: &Event) {
        self(event);
    }
}
