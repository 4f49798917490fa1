//! Counts of all facts, and the laws they obey.

use crate::event::{Fact, Outcome};
use crate::slot::{Stop, StopKind};

/// The counts of a dispatcher, at one moment.
///
/// All counts are taken under one lock, so the laws that [`check`](Stats::check) verifies hold in
/// every snapshot, also during work.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{Call, Dispatcher};
///
/// let squares = Dispatcher::builder("square").build()?;
/// squares.call(Call::unkeyed(), |_attempt| async { Ok(9) }).await?;
/// let stats = squares.stats();
/// stats.check()?;
/// assert_eq!((stats.calls.led, stats.jobs.succeeded, stats.slots.in_use), (1, 1, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests of callers.
    pub calls: CallStats,
    /// The work that answers them.
    pub jobs: JobStats,
    /// Attempts at the resource.
    pub attempts: AttemptStats,
    /// Permissions to occupy the resource.
    pub slots: SlotStats,
    /// Jobs that wait for a slot.
    pub queue: QueueStats,
}

/// `started = finished + in_flight = refused + cached + stale + negative + led + joined`.
///
/// A call answered with a stale reply at once is `stale` and nothing else. A call that led or
/// joined a job first, and got a stale reply because the job ended with an error, stays `led` or
/// `joined`, and counts in `rescued` too.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{Call, CallStats, Dispatcher};
///
/// let squares = Dispatcher::builder("square").coalesce().build()?;
/// let ask = || squares.ask(Call::new("3"), |_attempt| async { Ok(9) });
/// tokio::join!(ask(), ask());
/// let CallStats { started, finished, led, joined, .. } = squares.stats().calls;
/// assert_eq!((started, finished, led, joined), (2, 2, 1, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallStats {
    /// All calls ever made.
    pub started: u64,
    /// Calls that have their answer, or whose caller left.
    pub finished: u64,
    /// Calls whose caller still waits.
    pub in_flight: u64,
    /// Calls refused on arrival.
    pub refused: u64,
    /// Calls answered with a fresh reply from the cache.
    pub cached: u64,
    /// Calls answered at once with a stale reply from the cache.
    pub stale: u64,
    /// Calls answered with a cached failure.
    pub negative: u64,
    /// Calls that started a job.
    pub led: u64,
    /// Calls that shared a job in flight.
    pub joined: u64,
    /// Led or joined calls that got a stale reply in place of an error.
    pub rescued: u64,
}

/// `started = led calls + refreshes = finished + in_flight`, and every finished job has exactly one outcome.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{Call, Dispatcher, JobStats, Outcome};
///
/// let squares = Dispatcher::builder("square").build()?;
/// squares.call(Call::unkeyed(), |_attempt| async { Ok(9) }).await?;
/// let jobs: JobStats = squares.stats().jobs;
/// assert_eq!((jobs.started, jobs.succeeded, jobs.of(Outcome::Failed)), (1, 1, &0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JobStats {
    /// All jobs ever admitted.
    pub started: u64,
    /// Jobs that no call led: they replace a stale reply in the cache.
    pub refreshes: u64,
    /// Jobs that are over.
    pub finished: u64,
    /// Jobs that wait, run or back off.
    pub in_flight: u64,
    /// Jobs that have tried the resource at least once.
    pub attempted: u64,
    /// Jobs that ended with a reply.
    pub succeeded: u64,
    /// Jobs whose last attempt failed.
    pub failed: u64,
    /// Jobs whose last attempt took longer than the timeout.
    pub timed_out: u64,
    /// Jobs whose deadline passed.
    pub expired: u64,
    /// Jobs that still waited when the dispatcher was stopped.
    pub shed: u64,
    /// Jobs that were canceled, or left by their last waiter.
    pub canceled: u64,
}

/// `started = jobs.attempted + retries`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{AttemptStats, Call, Dispatcher, Failure, Retry};
///
/// let pages = Dispatcher::<u64>::builder("pages").retry(Retry::default()).build()?;
/// let down = |_attempt| async { Err(Failure::unreachable("connection refused")) };
/// let call = pages.call(Call::unkeyed(), down);
/// assert!(call.await.is_err());
/// let AttemptStats { started, retries, .. } = pages.stats().attempts;
/// assert_eq!((started, retries), (3, 2));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AttemptStats {
    /// All attempts ever begun.
    pub started: u64,
    /// Attempts that were not a job's first.
    pub retries: u64,
    /// Retries that were due, and that the budget refused.
    pub retries_refused: u64,
    /// Polls of attempts that held their thread for too long; see
    /// [`notice_blocking`](crate::Policy::notice_blocking).
    pub blocked: u64,
}

/// `in_use ≤ total`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{Dispatcher, SlotStats};
///
/// let squares = Dispatcher::<u64>::builder("square").limit(4).build()?;
/// assert_eq!(squares.stats().slots, SlotStats { total: 4, ..SlotStats::default() });
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SlotStats {
    /// Slots that occupy the resource, including those of jobs that have already ended.
    pub in_use: u64,
    /// The limit; if it was lowered below the slots in use, the old one until enough came back.
    pub total: u64,
    /// Seats that are closed, so that no slot can be granted for them.
    pub closed: u64,
    /// Changes of the limit, by hand or since it finds itself, its trials included.
    pub limit_changes: u64,
    /// Slots released on the [assumption](crate::StopKind::Assumed) that their attempt had stopped.
    /// Each of them may still occupy the resource, beyond the limit.
    pub assumed_stopped: u64,
}

/// `len ≤ bound + retries`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{Dispatcher, QueueStats};
///
/// let squares = Dispatcher::<u64>::builder("square").queue(10).build()?;
/// assert_eq!(squares.stats().queue, QueueStats { len: 0, bound: 10, retries: 0 });
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueStats {
    /// Jobs that wait for a slot.
    pub len: u64,
    /// Number of new jobs that may wait.
    pub bound: u64,
    /// Waiting retries; they are in front, and were admitted once, so the bound does not apply to
    /// them.
    pub retries: u64,
}

impl Stats {
    /// The laws as equations; each must hold in every snapshot.
    ///
    /// # Errors
    /// Names the first law that does not hold, with its numbers. That is a bug in this library.
    pub fn check(&self) -> Result<(), String> {
        let Stats { calls, jobs, attempts, slots, queue } = self;
        let equal = |law: &str, left: u64, right: u64| {
            if left == right {
                return Ok(());
            }
            Err(format!("{law} does not hold: {left} is not {right}"))
        };
        let at_most = |law: &str, left: u64, right: u64| {
            if left <= right {
                return Ok(());
            }
            Err(format!("{law} does not hold: {left} is more than {right}"))
        };
        equal(
            "calls.started = finished + in_flight",
            calls.started,
            calls.finished + calls.in_flight,
        )?;
        equal(
            "calls.started = refused + cached + stale + negative + led + joined",
            calls.started,
            [calls.refused, calls.cached, calls.stale, calls.negative, calls.led, calls.joined]
                .iter()
                .sum(),
        )?;
        at_most("calls.rescued ≤ led + joined", calls.rescued, calls.led + calls.joined)?;
        equal("jobs.started = led + refreshes", jobs.started, calls.led + jobs.refreshes)?;
        equal("jobs.started = finished + in_flight", jobs.started, jobs.finished + jobs.in_flight)?;
        equal(
            "jobs.finished = the sum of its outcomes",
            jobs.finished,
            Outcome::ALL.iter().map(|outcome| *jobs.of(*outcome)).sum(),
        )?;
        equal(
            "attempts.started = jobs.attempted + retries",
            attempts.started,
            jobs.attempted + attempts.retries,
        )?;
        at_most("slots.in_use ≤ slots.total", slots.in_use, slots.total)?;
        at_most("queue.len ≤ queue.bound + retries", queue.len, queue.bound + queue.retries)
    }

    /// True if no call waits, no job is in flight, and no slot is occupied.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::{Call, Dispatcher};
    ///
    /// let squares = Dispatcher::<u64>::builder("square").build()?;
    /// assert!(squares.stats().is_idle());
    /// let call = squares.call(Call::unkeyed(), |_attempt| std::future::pending());
    /// let (_, ()) = tokio::join!(call, async {
    ///     assert!(!squares.stats().is_idle());
    ///     squares.stop();
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_idle(&self) -> bool {
        self.calls.in_flight == 0
            && self.jobs.in_flight == 0
            && self.queue.len == 0
            && self.slots.in_use == 0
    }

    /// Counts a fact. Numbers in flight are not counted here: the snapshot reads them from the
    /// registry and the limit, so that the laws compare two independent accounts.
    pub(crate) fn fold(&mut self, fact: &Fact) {
        match fact {
            Fact::CallRefused(_) => {
                self.calls.started += 1;
                self.calls.refused += 1;
                self.calls.finished += 1;
            }
            Fact::CallCached => {
                self.calls.started += 1;
                self.calls.cached += 1;
                self.calls.finished += 1;
            }
            Fact::CallStale => {
                self.calls.started += 1;
                self.calls.stale += 1;
                self.calls.finished += 1;
            }
            Fact::CallNegative => {
                self.calls.started += 1;
                self.calls.negative += 1;
                self.calls.finished += 1;
            }
            Fact::CallRescued => self.calls.rescued += 1,
            Fact::RefreshStarted(_) => {
                self.jobs.started += 1;
                self.jobs.refreshes += 1;
            }
            Fact::CallLed(_) => {
                self.calls.started += 1;
                self.calls.led += 1;
                self.jobs.started += 1;
            }
            Fact::CallJoined(_) => {
                self.calls.started += 1;
                self.calls.joined += 1;
            }
            Fact::CallFinished => self.calls.finished += 1,
            Fact::AttemptStarted { number, .. } => {
                self.attempts.started += 1;
                match number {
                    1 => self.jobs.attempted += 1,
                    _ => self.attempts.retries += 1,
                }
            }
            Fact::AttemptBlocked { .. } => self.attempts.blocked += 1,
            Fact::RetryRefused { .. } => self.attempts.retries_refused += 1,
            Fact::AttemptStopped { stop: Stop { kind: StopKind::Assumed, .. }, .. } => {
                self.slots.assumed_stopped += 1;
            }
            Fact::JobFinished { outcome, .. } => {
                self.jobs.finished += 1;
                *self.jobs.of_mut(*outcome) += 1;
            }
            Fact::LimitChanged { .. } => self.slots.limit_changes += 1,
            Fact::LimitFound { .. }
            | Fact::JobQueued { .. }
            | Fact::JobUnqueued { .. }
            | Fact::SlotTaken { .. }
            | Fact::AttemptStopped { .. }
            | Fact::SlotReturned { .. }
            | Fact::AttemptFinished { .. }
            | Fact::RetryScheduled { .. } => {}
        }
    }
}

impl JobStats {
    /// The number of jobs that ended this way.
    pub fn of(&self, outcome: Outcome) -> &u64 {
        match outcome {
            Outcome::Succeeded => &self.succeeded,
            Outcome::Failed => &self.failed,
            Outcome::TimedOut => &self.timed_out,
            Outcome::Expired => &self.expired,
            Outcome::Shed => &self.shed,
            Outcome::Canceled => &self.canceled,
        }
    }

    fn of_mut(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Succeeded => &mut self.succeeded,
            Outcome::Failed => &mut self.failed,
            Outcome::TimedOut => &mut self.timed_out,
            Outcome::Expired => &mut self.expired,
            Outcome::Shed => &mut self.shed,
            Outcome::Canceled => &mut self.canceled,
        }
    }
}
