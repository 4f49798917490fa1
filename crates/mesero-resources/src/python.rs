//! What Python worker processes lend: a callable, or a WSGI application.
//!
//! A seat is a thread of a process, or for an async callable a place on a process's event loop.
//! Seats go round the processes, so that the lowest seats, which are taken first, spread the work
//! evenly.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mesero::{Attempt, JobId, Seats};
use mesero_process::spawner::Spawner;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::Health;
use super::blocked::Blocked;

mod answer;
mod calls;
mod exchange;
mod function;
mod keeper;
mod lane;
mod loop_watch;
mod multiplex;
mod orders;
mod package;
mod place;
mod process;
mod seat;
mod start;
mod stopping;
mod wear;
mod worker;
mod wsgi;

use answer::Exceptions;
pub use function::PythonFunction;
use place::{Means, Place};
use process::Process;
use seat::Seat;
pub use start::StartError;
pub use wear::Bounds;
use wear::Reason;
use worker::Worker;
pub use wsgi::WsgiApp;

/// What has to be known to run workers.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The resource's name; workers and their log lines carry it.
    pub name: Arc<str>,
    pub serves: Serves,
    /// `package.module:attribute`; an application's may end in `()`.
    pub callable: String,
    pub interpreter: PathBuf,
    /// Folders put in front of `sys.path`.
    pub path: Vec<PathBuf>,
    pub processes: NonZeroUsize,
    /// Threads in each process, for what is sync.
    pub threads: NonZeroUsize,
    /// Calls in flight in each process, for an async callable.
    pub concurrency: NonZeroUsize,
    /// Added to the environment.
    pub environment: Vec<(String, String)>,
    /// The statuses of exceptions that are no surprise.
    pub exceptions: Exceptions,
    /// How long a worker may take until it can serve.
    pub start_timeout: Duration,
    /// How long a worker has to end by itself before it is killed.
    pub grace: Duration,
    /// How long an async callable may block its event loop before that is logged.
    pub loop_blocked: Option<Duration>,
    /// Counts how often and how long one did.
    pub blocked: Arc<Blocked>,
    /// How much a worker may serve until it is replaced.
    pub bounds: Bounds,
    /// How long a call that was given up has to stop once it is interrupted, until its process is
    /// replaced; none if calls are not interrupted.
    pub interrupt: Option<Duration>,
    /// Whether a process that is replaced for a call that does not stop is ended at once, and not
    /// when its other calls are done.
    pub kill_siblings: bool,
}

/// What a worker does with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serves {
    /// It calls a function with arguments.
    Function,
    /// It hands requests to a WSGI application.
    Wsgi,
}

/// The worker processes of a resource, each at its place.
#[derive(Debug)]
struct Workers {
    places: Vec<Arc<Place>>,
    seats: NonZeroUsize,
    /// The processes that nobody looks after yet.
    unattended: Mutex<Vec<Process>>,
    means: Means,
}

impl Workers {
    /// Starts all workers, and waits until they can serve.
    ///
    /// # Errors
    /// Why the first of them that did not come up did not; the others are ended.
    async fn start(settings: Settings, spawner: Spawner) -> Result<Self, StartError> {
        let means = Means {
            settings: Arc::new(settings),
            spawner,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            one_at_a_time: Arc::default(),
            replaced: Arc::default(),
        };
        let processes = means.settings.processes;
        let starting = (0..processes.get())
            .map(|_| start::worker(Arc::clone(&means.settings), means.spawner.clone()));
        let unattended = all(&means.tasks, starting).await?;
        let lanes = match unattended.first() {
            Some(process) => process.worker.capacity(),
            None => NonZeroUsize::MIN,
        };
        let places = unattended.iter().enumerate().map(|(index, process)| {
            let seats = (0..lanes.get()).map(|lane| lane * processes.get() + index).collect();
            Arc::new(Place::new(seats, Arc::clone(&process.worker), means.clone()))
        });
        Ok(Self {
            places: places.collect(),
            seats: lanes.saturating_mul(processes),
            unattended: Mutex::new(unattended),
            means,
        })
    }

    fn seats(&self) -> NonZeroUsize {
        self.seats
    }

    fn settings(&self) -> &Settings {
        &self.means.settings
    }

    /// One of the workers, as an example of them all.
    fn first(&self) -> Option<Arc<Worker>> {
        self.places.first().and_then(|place| place.worker())
    }

    fn attend(&self, seats: &Seats) {
        let processes = {
            let mut unattended = self.unattended.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *unattended)
        };
        for (place, process) in self.places.iter().zip(processes) {
            place.attend(seats.clone());
            self.means.tasks.spawn(process.live(Arc::clone(place)));
            self.means.tasks.spawn(Arc::clone(place).keep());
        }
    }

    /// The seat that the attempt's slot names.
    fn seat(&self, attempt: Attempt) -> Seat {
        let seat = attempt.slot().seat();
        let (lane, index) = (seat / self.places.len(), seat % self.places.len());
        Seat::new(Arc::clone(&self.places[index]), lane, attempt)
    }

    /// Where the job's call at this seat is in its code.
    async fn stack(&self, seat: usize, job: JobId) -> Option<String> {
        let (lane, index) = (seat / self.places.len(), seat % self.places.len());
        self.places.get(index)?.calls().stack(lane, job).await
    }

    fn health(&self) -> Health {
        Health {
            up: self.places.iter().filter(|place| place.worker().is_some()).count(),
            wanted: self.places.len(),
            restarts: self.places.iter().map(|place| place.restarts()).sum(),
        }
    }

    /// Starts a successor for every worker, and lets them all take over when all of them can serve.
    ///
    /// # Errors
    /// Why the first of them that did not come up did not; the others are ended, and the present
    /// ones go on.
    async fn reload(&self) -> Result<usize, StartError> {
        let starting = self.places.iter().map(|place| {
            let place = Arc::clone(place);
            async move { place.start().await }
        });
        let successors = all(&self.means.tasks, starting).await?;
        let count = successors.len();
        for (place, successor) in self.places.iter().zip(successors) {
            place.hand_over(successor, Reason::Reload);
        }
        Ok(count)
    }

    /// How often a worker was replaced that was well, for each reason.
    fn replaced(&self) -> Vec<(&'static str, u64)> {
        self.means.replaced.counts()
    }

    async fn stop(&self) {
        self.means.stop.cancel();
        self.means.tasks.close();
        self.means.tasks.wait().await;
    }
}

/// Waits until all of these workers can serve. Dropping the future ends those that were started.
///
/// # Errors
/// Why the first of them that did not come up did not; the others are ended.
async fn all<F>(
    tasks: &TaskTracker,
    starting: impl Iterator<Item = F>,
) -> Result<Vec<Process>, StartError>
where
    F: Future<Output = Result<Process, StartError>> + Send + 'static,
{
    let starting: Vec<_> =
        starting.map(|worker| AbortOnDropHandle::new(tasks.spawn(worker))).collect();
    let mut started = Vec::with_capacity(starting.len());
    for worker in starting {
        // A process that is dropped is killed.
        started.push(worker.await.map_err(|error| StartError::Io(error.into()))??);
    }
    Ok(started)
}
