//! Facts: what happened, told once, to everybody who counts, logs or draws.

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
    /// When.
    pub at: Instant,
    /// What.
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
    /// A call was turned away.
    CallRefused(Refusal),
    /// A call was answered with a fresh reply from the cache.
    CallCached,
    /// A call was answered at once with a stale reply from the cache.
    CallStale,
    /// A call was answered with a failure that the cache remembers.
    CallNegative,
    /// A call started a job.
    CallLed(Arc<JobInfo>),
    /// A call shares a job in flight.
    CallJoined(Arc<JobInfo>),
    /// A job came to an error, and a call that had led or joined it got a stale reply instead.
    CallRescued,
    /// A call that led or joined a job got its answer, or left.
    CallFinished,
    /// A job was started that no call waits for: it replaces a stale reply in the cache.
    RefreshStarted(Arc<JobInfo>),
    /// A job waits for a slot; again, where it has tried before.
    JobQueued {
        /// Which.
        job: Arc<JobInfo>,
        /// Whether it comes back for another try.
        again: bool,
    },
    /// A job left the queue: with a slot, or because it ended.
    JobUnqueued {
        /// Which.
        job: Arc<JobInfo>,
        /// How long it stood there.
        waited: Duration,
        /// Whether it had come back for another try.
        again: bool,
    },
    /// A slot was granted to a job.
    SlotTaken {
        /// To which.
        job: Arc<JobInfo>,
        /// Its place at the resource.
        seat: usize,
    },
    /// A slot is free again: what occupied the resource has really stopped.
    SlotReturned {
        /// Its place at the resource.
        seat: usize,
        /// How long it was occupied.
        held: Duration,
        /// How much of that after the attempt was over for its job.
        overdue: Duration,
    },
    /// The resource is being tried.
    AttemptStarted {
        /// For which job.
        job: Arc<JobInfo>,
        /// Which try this is; the first is 1.
        number: u32,
    },
    /// A try held the thread that it runs on for longer than
    /// [`notice_blocking`](crate::Policy::notice_blocking) says: no other task went on there.
    AttemptBlocked {
        /// Of which job.
        job: Arc<JobInfo>,
        /// Which try this was.
        number: u32,
        /// How long, without coming to an `await` that waits.
        held: Duration,
    },
    /// A try is over, as far as the job is concerned.
    AttemptFinished {
        /// Of which job.
        job: Arc<JobInfo>,
        /// Which try this was.
        number: u32,
        /// How long it took.
        ran: Duration,
        /// What went wrong, if something did.
        error: Option<Error>,
    },
    /// What was left of a try that its job had given up has really stopped. Told by resources that
    /// know how, right before the slot's return.
    AttemptStopped {
        /// Of which job.
        job: Arc<JobInfo>,
        /// Which try this was.
        number: u32,
        /// How, and how long after it had been given up.
        stop: Stop,
    },
    /// A job will try again after a pause.
    RetryScheduled {
        /// Which.
        job: Arc<JobInfo>,
        /// The pause.
        backoff: Duration,
    },
    /// A job would have tried again, but the budget for retries is used up.
    RetryRefused {
        /// Which.
        job: Arc<JobInfo>,
    },
    /// A job is over.
    JobFinished {
        /// Which.
        job: Arc<JobInfo>,
        /// How it ended.
        outcome: Outcome,
        /// The error its waiters got, if any.
        error: Option<Error>,
        /// How long it stood in the queue, all its turns together.
        waited: Duration,
        /// How long its attempts ran, all together.
        ran: Duration,
        /// How often it tried.
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
    /// It was still waiting when the dispatcher was told to stop at once.
    Shed,
    /// It was cancelled, or its last waiter left.
    Cancelled,
}

impl Outcome {
    /// All of them, in the order of declaration.
    pub const ALL: [Outcome; 6] = [
        Outcome::Succeeded,
        Outcome::Failed,
        Outcome::TimedOut,
        Outcome::Expired,
        Outcome::Shed,
        Outcome::Cancelled,
    ];

    /// One lower-case word.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Succeeded => "succeeded",
            Outcome::Failed => "failed",
            Outcome::TimedOut => "timed_out",
            Outcome::Expired => "expired",
            Outcome::Shed => "shed",
            Outcome::Cancelled => "cancelled",
        }
    }

    pub(crate) fn of(error: Option<&Error>) -> Self {
        match error {
            None => Outcome::Succeeded,
            // A job is refused by nobody: only a call is.
            Some(Error::Failed(_) | Error::Refused(_)) => Outcome::Failed,
            Some(Error::TimedOut { .. }) => Outcome::TimedOut,
            Some(Error::Expired { .. }) => Outcome::Expired,
            Some(Error::Shed) => Outcome::Shed,
            Some(Error::Cancelled) => Outcome::Cancelled,
        }
    }
}

/// Somebody who is told every fact.
///
/// It is called on the task that made the fact, after the dispatcher's lock is released: it may
/// call the dispatcher, and must neither block nor panic. Where several threads make facts at once they may be
/// told in another order than they happened; [`Event::at`] tells.
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
    /// Hears one fact.
    ///
    /// ```
    /// use mesero::{Event, Fact, Observer};
    ///
    /// struct Refusals;
    ///
    /// impl Observer for Refusals {
    ///     fn observe(&self, event: &Event) {
    ///         if let Fact::CallRefused(refusal) = event.fact {
    ///             eprintln!("turned away: {refusal}");
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
