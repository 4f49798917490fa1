//! The pipeline: from a call to its answer, read from top to bottom.

use std::fmt;
use std::sync::Arc;

use crate::answer::{Answer, CallReport, Origin};
use crate::call::{Call, JobId};
use crate::event::Observer;
use crate::outlook::Outlook;
use crate::registry::JobView;
use crate::slot::{Attempt, Seats};
use crate::state::{Admission, DispatcherState};
use crate::stats::Stats;
use crate::{Error, Failure};

mod entered;
mod inner;
mod job_task;
mod poll;
mod settings;
mod waiting;

pub(crate) use entered::Entered;
use inner::DispatcherInner;
use waiting::WaitingCall;

/// A bounded, shared way to call something slow.
///
/// It is cheap to clone, and all clones are the same dispatcher. `T` is the resource's reply; it must be
/// [`Clone`] only if replies are shared, by [coalescing](crate::DispatcherBuilder::coalesce) or by a
/// [cache](crate::DispatcherBuilder::cache).
///
/// Jobs run as tasks of the tokio runtime on which the call was made. Dropping all clones stops nothing:
/// jobs in flight finish; [`stop`](Self::stop) ends them.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{Call, Dispatcher};
///
/// let squares = Dispatcher::builder("square").limit(4).queue(1_000).build()?;
/// assert_eq!((squares.name(), squares.limit()), ("square", 4));
/// let clone = squares.clone(); // for another task; it shares the four slots
/// let nine = clone.call(Call::unkeyed(), |_attempt| async { Ok(3 * 3) }).await?;
/// assert_eq!((nine, squares.stats().calls.finished), (9, 1));
/// # Ok(())
/// # }
/// ```
pub struct Dispatcher<T> {
    inner: Arc<DispatcherInner<T>>,
}

impl<T: Send + Sync + 'static> Dispatcher<T> {
    pub(crate) fn new(
        name: Arc<str>,
        state: DispatcherState<T>,
        observers: Vec<Arc<dyn Observer>>,
    ) -> Self {
        Self { inner: Arc::new(DispatcherInner::new(name, state, observers)) }
    }

    /// Calls the resource and waits for its reply.
    ///
    /// `work` is what one attempt does. It runs again for every retry, and not at all if the call is
    /// answered from the cache, shares a job in flight, or is refused.
    ///
    /// Dropping the returned future leaves the job: other calls that share it still get their answer.
    /// Once the last one has left, [`OnDisconnect`](crate::OnDisconnect) decides whether the job continues.
    ///
    /// # Errors
    /// See [`Error`]: the resource failed, time ran out, or the call was refused.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::{Call, Dispatcher};
    ///
    /// let squares = Dispatcher::builder("square").limit(4).build()?;
    /// let nine = squares.call(Call::new("3"), |_attempt| async { Ok(3 * 3) }).await?;
    /// assert_eq!(nine, 9);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn call<W, F>(&self, call: Call, work: W) -> Result<T, Error>
    where
        W: FnMut(Attempt) -> F + Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        self.ask(call, work).await.result
    }

    /// Like [`call`](Self::call), with a report of the answer's origin and cost.
    ///
    /// Dropping the returned future leaves the job, as with [`call`](Self::call).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::{Call, Dispatcher, Origin};
    ///
    /// let squares = Dispatcher::builder("square").build()?;
    /// let answer = squares.ask(Call::new("3"), |_attempt| async { Ok(3 * 3) }).await;
    /// assert_eq!((answer.result?, answer.report.origin), (9, Origin::Led));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn ask<W, F>(&self, call: Call, work: W) -> Answer<T>
    where
        W: FnMut(Attempt) -> F + Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        self.enter(call, work).await.answer().await
    }

    /// Makes the first half of a call: it is answered or refused at once, or gets a job to wait
    /// for.
    ///
    /// Dropping the returned future before admission makes no call. The result must be dropped or
    /// awaited: it holds the caller's share of the job.
    pub(crate) async fn enter<W, F>(&self, mut call: Call, work: W) -> Entered<T>
    where
        W: FnMut(Attempt) -> F + Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        match self.inner.admit(&mut call).await {
            Admission::Cached(hit, origin) => Entered::Answered(hit.answer(CallReport::of(origin))),
            Admission::CachedAndRefreshing(hit, job, grant) => {
                self.inner.lead(&job, grant, work);
                Entered::Answered(hit.answer(CallReport::of(Origin::Stale)))
            }
            Admission::Refused(refusal) => {
                let report = CallReport::of(Origin::Refused);
                Entered::Answered(Answer { result: Err(Error::Refused(refusal)), report })
            }
            Admission::Joined(job, deadline) => {
                Entered::Waiting(WaitingCall::new(&self.inner, job), deadline, Origin::Joined)
            }
            Admission::Led(job, deadline, grant) => {
                // The waiter comes first, so that its drop leaves the job if the task cannot be
                // started.
                let waiting = WaitingCall::new(&self.inner, Arc::clone(&job));
                self.inner.lead(&job, grant, work);
                Entered::Waiting(waiting, deadline, Origin::Led)
            }
        }
    }

    /// Lists every job in flight, in the order of admission, followed by every attempt that still
    /// occupies the resource although its job is over.
    ///
    /// This takes time in proportion to their number, under the dispatcher's lock.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::{Call, Dispatcher, Error};
    ///
    /// let squares = Dispatcher::<u64>::builder("square").build()?;
    /// let call = squares.call(Call::unkeyed().argument("num", "3"), |_attempt| std::future::pending());
    /// let (answer, ()) = tokio::join!(call, async {
    ///     let jobs = squares.jobs();
    ///     assert_eq!(jobs[0].to_string(), "1 running at seat 0, 0.0 s old, num=3");
    ///     assert!(squares.cancel(jobs[0].info.id));
    /// });
    /// assert!(matches!(answer, Err(Error::Canceled)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn jobs(&self) -> Vec<JobView> {
        self.inner.with(|state, now| state.jobs(now))
    }

    /// Returns the prospects of a call that would be made now, of which it reads the
    /// [tenant](Call::tenant) and the [urgency](Call::urgency). It makes no call.
    ///
    /// ```
    /// use mesero::{Call, Dispatcher};
    ///
    /// let squares = Dispatcher::<u64>::builder("square").limit(4).build().unwrap();
    /// let outlook = squares.outlook(&Call::unkeyed());
    /// assert_eq!((outlook.position, outlook.slots.left), (Some(1), 4));
    /// ```
    pub fn outlook(&self, call: &Call) -> Outlook {
        self.inner.with(|state, now| state.outlook(call, now))
    }

    /// Finds a job in flight, or a finished job whose attempt still occupies the resource.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::{Call, Dispatcher};
    ///
    /// let squares = Dispatcher::builder("square").build()?;
    /// let inner = squares.clone();
    /// let id = squares.call(Call::unkeyed(), move |attempt| {
    ///     let view = inner.job(attempt.job());
    ///     async move { Ok(view.map(|job| job.info.id)) }
    /// });
    /// let id = id.await?.ok_or("it runs")?;
    /// assert!(squares.job(id).is_none()); // it is over
    /// # Ok(())
    /// # }
    /// ```
    pub fn job(&self, id: JobId) -> Option<JobView> {
        self.inner.with(|state, now| state.job(id, now))
    }

    /// Cancels a job: all its callers get [`Error::Canceled`], it leaves the queue at once, and a
    /// running attempt is dropped. Returns false if the job is not in flight.
    ///
    /// The slot of a running attempt comes back once the resource has really stopped.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::{Call, Dispatcher, Error};
    ///
    /// let squares = Dispatcher::<u64>::builder("square").build()?;
    /// let call = squares.call(Call::unkeyed(), |_attempt| std::future::pending());
    /// let (answer, canceled) =
    ///     tokio::join!(call, async { squares.cancel(squares.jobs()[0].info.id) });
    /// assert!(canceled);
    /// assert!(matches!(answer, Err(Error::Canceled)));
    /// assert!(!squares.cancel("1".parse()?)); // it is over
    /// # Ok(())
    /// # }
    /// ```
    pub fn cancel(&self, id: JobId) -> bool {
        self.inner.with(|state, now| state.cancel(id, now))
    }

    /// Refuses new calls from now on; jobs in flight continue.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::Dispatcher;
    ///
    /// let squares = Dispatcher::<u64>::builder("square").build()?;
    /// squares.drain();
    /// squares.idle().await; // everything in flight has finished, and the resource is free
    /// # Ok(())
    /// # }
    /// ```
    pub fn drain(&self) {
        self.inner.drain();
    }

    /// Refuses new calls, and ends every job in flight at once: waiting jobs are
    /// [shed](Error::Shed), running jobs are [canceled](Error::Canceled). The slot of a running
    /// attempt comes back once the resource has really stopped.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::{Call, Dispatcher, Error};
    ///
    /// let squares = Dispatcher::<u64>::builder("square").limit(1).build()?;
    /// let call = || squares.call(Call::unkeyed(), |_attempt| std::future::pending());
    /// let (runs, waits, ()) = tokio::join!(call(), call(), async { squares.stop() });
    /// assert!(matches!((runs, waits), (Err(Error::Canceled), Err(Error::Shed))));
    /// # Ok(())
    /// # }
    /// ```
    pub fn stop(&self) {
        self.inner.drain();
        self.inner.with(|state, now| state.stop_all(now));
    }

    /// Waits until no call waits, no job is in flight and no slot is in use. Dropping the returned
    /// future has no effect on calls and jobs.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::{Call, Dispatcher};
    ///
    /// let squares = Dispatcher::builder("square").build()?;
    /// let call = squares.call(Call::unkeyed(), |_attempt| async { Ok(9) });
    /// tokio::join!(call, squares.idle()).0?;
    /// assert!(squares.stats().is_idle());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn idle(&self) {
        self.inner.wait_until(|stats| stats.is_idle()).await;
    }

    /// Waits until no job is in flight; the resource may still be occupied. Dropping the returned
    /// future has no effect on calls and jobs.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::{Attempt, Call, Dispatcher};
    ///
    /// let files = Dispatcher::builder("files").build()?;
    /// let keep = async |attempt: Attempt| Ok(attempt.slot().clone());
    /// let slot = files.call(Call::unkeyed(), keep).await?;
    /// files.jobs_finished().await; // although the slot is still in use
    /// assert!(!files.stats().is_idle());
    /// drop(slot);
    /// files.idle().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn jobs_finished(&self) {
        self.inner.wait_until(|stats| stats.jobs.in_flight == 0).await;
    }

    /// A snapshot of the counts, taken under one lock.
    pub fn stats(&self) -> Stats {
        self.inner.with(|state, _| state.stats())
    }

    /// The resource's name.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// A handle that closes and opens seats, for the code that supervises the resource.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::Dispatcher;
    ///
    /// let workers = Dispatcher::<u64>::builder("workers").limit(2).build()?;
    /// let seats = workers.seats(); // for the task that watches the two workers
    /// seats.close(&[0, 1]);
    /// assert_eq!(workers.stats().slots.closed, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn seats(&self) -> Seats {
        Seats::of(Arc::clone(&self.inner) as _)
    }
}

impl<T> Clone for Dispatcher<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<T> fmt::Debug for Dispatcher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher").field("name", &self.inner.name).finish_non_exhaustive()
    }
}
