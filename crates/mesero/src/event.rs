//! Facts: each event of a dispatcher, emitted once to every consumer that counts, logs or draws.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::call::JobInfo;
use crate::slot::Stop;
use crate::{Error, LimitFinding, Phase, Refusal};

/// An event in a dispatcher.
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
    /// The instant of the event.
    pub at: Instant,
    /// The fact itself.
    pub fact: Fact,
}

/// A fact about calls, jobs, attempts or slots.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::{Arc, Mutex};
/// use mesero::{Call, Dispatcher, Event, Fact, Outcome};
///
/// let ended = Arc::new(Mutex::new(Vec::new()));
/// let sink = Arc::clone(&ended);
/// let observer = move |event: &Event| {
///     if let Fact::JobFinished { outcome, attempts, .. } = event.fact {
///         sink.lock().unwrap().push((outcome, attempts));
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
    /// A call was answered with a cached failure.
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
        /// The job.
        job: Arc<JobInfo>,
        /// True for a retry.
        is_retry: bool,
    },
    /// A job left the queue: with a slot, or because it ended.
    JobUnqueued {
        /// The job.
        job: Arc<JobInfo>,
        /// Time in the queue, this time.
        waited: Duration,
        /// True for a retry.
        is_retry: bool,
    },
    /// A slot was granted to a job.
    SlotTaken {
        /// The job.
        job: Arc<JobInfo>,
        /// The slot's [seat](crate::Slot::seat).
        seat: usize,
    },
    /// A slot is free again: the code that occupied the resource has really stopped.
    SlotReturned {
        /// The slot's [seat](crate::Slot::seat).
        seat: usize,
        /// Time from the grant to the return.
        held: Duration,
        /// The part of that time after the attempt was over for its job.
        overdue: Duration,
    },
    /// The number of slots has changed: by [`Dispatcher::set_limit`](crate::Dispatcher::set_limit),
    /// or since the limit [finds itself](crate::DispatcherBuilder::adaptive_limit).
    LimitChanged {
        /// The limit until now.
        from: usize,
        /// The limit from now on.
        to: usize,
        /// True if it is tried for some seconds, to compare it with the one before.
        is_trial: bool,
    },
    /// A fixed limit differs from what the resource serves best, as far as the attempts show that
    /// happen to run at once; at most once in ten minutes.
    LimitFound {
        /// The limit.
        limit: usize,
        /// The comparison with the resource's throughput.
        finding: LimitFinding,
    },
    /// An attempt began.
    AttemptStarted {
        /// The job that it belongs to.
        job: Arc<JobInfo>,
        /// The attempt's number; the first is 1.
        number: u32,
    },
    /// An attempt held its thread for longer than
    /// [`notice_blocking`](crate::Policy::notice_blocking) allows: no other task could run there.
    AttemptBlocked {
        /// The job that it belongs to.
        job: Arc<JobInfo>,
        /// The attempt's number.
        number: u32,
        /// Time for which it did not yield.
        held: Duration,
    },
    /// An attempt is over for its job.
    AttemptFinished {
        /// The job that it belongs to.
        job: Arc<JobInfo>,
        /// The attempt's number.
        number: u32,
        /// The attempt's run time.
        ran: Duration,
        /// The error, if it ended with one.
        error: Option<Error>,
    },
    /// An abandoned attempt has really stopped. Resources that know how it stopped report it with
    /// [`Slot::stopped`](crate::Slot::stopped), right before the slot is returned.
    AttemptStopped {
        /// The job that it belongs to.
        job: Arc<JobInfo>,
        /// The attempt's number.
        number: u32,
        /// The cause of the end, and its delay.
        stop: Stop,
    },
    /// A job will be retried after a pause.
    RetryScheduled {
        /// The job.
        job: Arc<JobInfo>,
        /// The pause.
        backoff: Duration,
    },
    /// A job would have been retried, but the retry budget is used up.
    RetryRefused {
        /// The job.
        job: Arc<JobInfo>,
    },
    /// A job is over.
    JobFinished {
        /// The job.
        job: Arc<JobInfo>,
        /// The job's outcome.
        outcome: Outcome,
        /// The error, if it ended with one.
        error: Option<Error>,
        /// Time in the queue, over all its attempts.
        waited: Duration,
        /// Total run time of its attempts.
        ran: Duration,
        /// Number of its attempts.
        attempts: u32,
        /// The job's phase when it ended.
        phase: Phase,
    },
}

/// The end of a job.
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
    /// It never got a slot: it was [refused](crate::Error::Refused) while it waited, or still waiting
    /// when the dispatcher was [stopped](crate::Dispatcher::stop).
    Shed,
    /// It was canceled, or its last caller left.
    Canceled,
}

impl Outcome {
    /// All outcomes, in the order of declaration.
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
            Some(Error::Failed(_)) => Outcome::Failed,
            Some(Error::TimedOut { .. }) => Outcome::TimedOut,
            Some(Error::Expired { .. }) => Outcome::Expired,
            Some(Error::Shed | Error::Refused(_)) => Outcome::Shed,
            Some(Error::Canceled) => Outcome::Canceled,
        }
    }
}

/// A consumer of facts.
///
/// It is called on the task that caused the fact, after the dispatcher's lock was released: it may
/// call the dispatcher, but must neither block nor panic. Facts from several threads may arrive in
/// another order than they happened in; [`Event::at`] has the true order.
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
    /// Receives one event.
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
