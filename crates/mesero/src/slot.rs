//! Permission to occupy the resource, and the attempt that holds it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::call::{JobId, JobInfo};
use crate::{Error, Failure};

/// Permission to occupy the resource.
///
/// A dispatcher never has more slots than its limit. A slot is given back when its last clone is
/// dropped, so the code that occupies the resource holds a clone until it has really stopped: a
/// thread to the end of its blocking closure, a killed process until it is reaped, a response until
/// its body has ended. A caller that leaves does not give a slot back.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{Attempt, Call, Dispatcher};
///
/// let files = Dispatcher::builder("files").limit(2).build()?;
/// let reply = files.call(Call::unkeyed(), |attempt: Attempt| async move { Ok(attempt.slot().clone()) });
/// // The call is answered, but the resource is still occupied.
/// let slot = reply.await?;
/// assert_eq!((slot.seat(), files.stats().slots.in_use), (0, 1));
/// drop(slot);
/// assert_eq!(files.stats().slots.in_use, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Slot(Arc<SeatGuard>);

struct SeatGuard {
    seat: usize,
    /// `None` once the seat has been taken out.
    owner: Option<Arc<dyn SlotOwner>>,
}

/// The dispatcher's side of a slot: grants seats and takes them back.
pub(crate) trait SlotOwner: Send + Sync {
    /// Takes the seat back and hands it to the next job in the queue.
    fn give_back(self: Arc<Self>, seat: usize);

    /// Records that the abandoned attempt at this seat has really stopped.
    fn stopped(self: Arc<Self>, seat: usize, stop: Stop);

    /// Decides whether this attempt, if it fails so, will be followed by another.
    fn decide_retry(self: Arc<Self>, attempt: &Attempt, error: &Error) -> bool;

    fn close_seats(&self, seats: &[usize]);

    fn open_seats(self: Arc<Self>, seats: &[usize]);
}

impl Slot {
    pub(crate) fn new(seat: usize, owner: Arc<dyn SlotOwner>) -> Self {
        Self(Arc::new(SeatGuard { seat, owner: Some(owner) }))
    }

    /// Takes the seat out if this is the last clone; the caller must then give it back. Otherwise
    /// this is an ordinary drop.
    pub(crate) fn into_seat(self) -> Option<usize> {
        let mut guard = Arc::into_inner(self.0)?;
        guard.owner = None;
        Some(guard.seat)
    }

    /// The number of this slot's seat at the resource: below the limit, used by no other slot, and
    /// the lowest free one when the slot was granted.
    pub fn seat(&self) -> usize {
        self.0.seat
    }

    /// Reports that an abandoned attempt has really stopped, or is
    /// [assumed](StopKind::Assumed) to have stopped, and how.
    ///
    /// A resource that knows this calls it right before it drops its clone of the slot. Observers
    /// receive a [`Fact::AttemptStopped`](crate::Fact::AttemptStopped), and an assumption is counted in
    /// [`SlotStats::assumed_stopped`](crate::SlotStats::assumed_stopped); it has no other effect.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use mesero::{Attempt, Call, Dispatcher, Event, Fact, Stop, StopKind};
    /// use tokio::time::{Instant, sleep};
    ///
    /// let secs = Duration::from_secs;
    /// let log = |event: &Event| match &event.fact {
    ///     Fact::AttemptStopped { job, stop, .. } => eprintln!("job {} {}", job.id, stop.kind.as_str()),
    ///     _ => {}
    /// };
    /// let tools = Dispatcher::<()>::builder("tool").timeout(secs(3)).observer(log).build()?;
    /// let call = tools.call(Call::unkeyed(), move |attempt: Attempt| {
    ///     let slot = attempt.slot().clone();
    ///     // This occupies the resource, and continues after the attempt's future is dropped.
    ///     tokio::spawn(async move {
    ///         sleep(secs(3)).await;
    ///         let abandoned = Instant::now();
    ///         sleep(secs(1)).await; // the tool takes a second to end
    ///         slot.stopped(Stop { kind: StopKind::Killed, after: abandoned.elapsed() });
    ///     });
    ///     std::future::pending()
    /// });
    /// assert!(call.await.is_err());
    /// assert_eq!(tools.stats().slots.in_use, 1); // the call is answered, the tool still runs
    /// tools.idle().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn stopped(&self, stop: Stop) {
        if let Some(owner) = &self.0.owner {
            Arc::clone(owner).stopped(self.0.seat, stop);
        }
    }
}

/// The end of an abandoned attempt: its cause and its delay.
///
/// ```
/// use std::time::Duration;
/// use mesero::{Stop, StopKind};
///
/// let stop = Stop { kind: StopKind::Interrupted, after: Duration::from_millis(20) };
/// assert_eq!(format!("{} after {:?}", stop.kind.as_str(), stop.after), "interrupted after 20ms");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// The cause of the end.
    pub kind: StopKind,
    /// Time from the abandonment to the end.
    pub after: Duration,
}

/// The cause of an abandoned attempt's end.
///
/// ```
/// use mesero::StopKind;
///
/// assert_eq!(StopKind::ALL.map(StopKind::as_str), ["by_itself", "interrupted", "killed", "assumed"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StopKind {
    /// It ended by itself: before it could be stopped, or because it ignored the request to stop.
    ByItself,
    /// It received a request to stop, and obeyed.
    Interrupted,
    /// It was ended by force.
    Killed,
    /// Nothing has shown its end: its slot was released on the assumption that it has stopped.
    Assumed,
}

impl StopKind {
    /// All kinds, in the order of declaration.
    pub const ALL: [StopKind; 4] =
        [StopKind::ByItself, StopKind::Interrupted, StopKind::Killed, StopKind::Assumed];

    /// The kind as one lower-case word.
    pub fn as_str(self) -> &'static str {
        match self {
            StopKind::ByItself => "by_itself",
            StopKind::Interrupted => "interrupted",
            StopKind::Killed => "killed",
            StopKind::Assumed => "assumed",
        }
    }
}

impl Drop for SeatGuard {
    fn drop(&mut self) {
        if let Some(owner) = self.owner.take() {
            owner.give_back(self.seat);
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Slot").field(&self.0.seat).finish()
    }
}

/// One try at the resource, as passed to the work.
///
/// The dispatcher holds the slot while the work's future runs. Work that continues elsewhere after
/// its future is dropped (a thread, a process) must hold a clone of [`slot`](Attempt::slot) until
/// it has really stopped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use mesero::{Attempt, Call, Dispatcher};
///
/// let squares = Dispatcher::builder("square").timeout(Duration::from_secs(3)).build()?;
/// let call = Call::unkeyed().argument("num", "3");
/// let left = squares.call(call, |attempt: Attempt| async move {
///     assert_eq!((attempt.number(), &*attempt.info().arguments[0].text), (1, "3"));
///     Ok(attempt.deadline().map(|deadline| deadline.duration_since(tokio::time::Instant::now())))
/// });
/// assert_eq!(left.await?, Some(Duration::from_secs(3)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Attempt {
    pub(crate) job: Arc<JobInfo>,
    pub(crate) slot: Slot,
    pub(crate) number: u32,
    pub(crate) deadline: Option<Instant>,
}

impl Attempt {
    /// The slot that this attempt occupies.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::{Attempt, Call, Dispatcher};
    ///
    /// let squares = Dispatcher::builder("square").build()?;
    /// let seat = async |attempt: Attempt| Ok(attempt.slot().seat());
    /// assert_eq!(squares.call(Call::unkeyed(), seat).await?, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn slot(&self) -> &Slot {
        &self.slot
    }

    /// The job that this attempt belongs to.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::{Attempt, Call, Dispatcher};
    ///
    /// let squares = Dispatcher::builder("square").build()?;
    /// let call = squares.ask(Call::unkeyed(), |attempt: Attempt| async move { Ok(attempt.job()) });
    /// let answer = call.await;
    /// assert_eq!(Some(answer.result?), answer.report.job);
    /// # Ok(())
    /// # }
    /// ```
    pub fn job(&self) -> JobId {
        self.job.id
    }

    /// The job's number, key, arguments and start.
    pub fn info(&self) -> &JobInfo {
        &self.job
    }

    /// The attempt's number within its job; the first is 1.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The instant at which the dispatcher abandons this attempt: the earlier of its timeout and
    /// the job's deadline; `None` if it has neither.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Decides now whether the job will be retried if this attempt fails with `failure`: whether
    /// the policy has an attempt left, the deadline leaves room for the backoff, and the budget
    /// grants a retry.
    ///
    /// For work that has something better to return than a failure if no retry follows, such as a
    /// server's own answer. A retry that was granted is taken from the budget, whether it is used
    /// or not; the decision holds until the attempt ends, and is false once it has ended.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::{Attempt, Call, Dispatcher, Failure, FailureKind, Retry};
    ///
    /// let pages = Dispatcher::builder("pages").retry(Retry::default()).build()?;
    /// let page = async |attempt: Attempt| {
    ///     let busy = Failure::new(FailureKind::Overloaded, "503");
    ///     if attempt.will_retry(&busy) { Err(busy) } else { Ok("the page for busy times") }
    /// };
    /// let answer = pages.ask(Call::unkeyed(), page).await;
    /// assert_eq!((answer.result?, answer.report.attempts), ("the page for busy times", 3));
    /// # Ok(())
    /// # }
    /// ```
    pub fn will_retry(&self, failure: &Failure) -> bool {
        let Some(owner) = &self.slot.0.owner else { return false };
        let error = Error::Failed(failure.clone());
        Arc::clone(owner).decide_retry(self, &error)
    }
}

/// Closes and opens seats, for the code that supervises the resource.
///
/// ```
/// use mesero::Dispatcher;
///
/// let workers = Dispatcher::<u64>::builder("workers").limit(2).build().unwrap();
/// workers.seats().close(&[1]); // that worker has died
/// assert_eq!(workers.stats().slots.closed, 1);
/// workers.seats().open(&[1]); // its replacement is ready
/// assert_eq!(workers.stats().slots.closed, 0);
/// ```
#[derive(Clone)]
pub struct Seats {
    owner: Arc<dyn SlotOwner>,
}

impl Seats {
    pub(crate) fn of(owner: Arc<dyn SlotOwner>) -> Self {
        Self { owner }
    }

    /// Stops granting slots for these seats until they are opened again, because nothing serves
    /// them. An attempt that holds such a seat keeps it.
    pub fn close(&self, seats: &[usize]) {
        self.owner.close_seats(seats);
    }

    /// Grants slots for these seats again, first to the jobs in the queue.
    pub fn open(&self, seats: &[usize]) {
        Arc::clone(&self.owner).open_seats(seats);
    }
}

impl fmt::Debug for Seats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seats").finish_non_exhaustive()
    }
}
