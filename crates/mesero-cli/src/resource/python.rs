//! A Python callable, sync or async, in worker processes.
//!
//! A seat is a thread of a process for a sync callable, and a place on a process's event loop for
//! an async one. Seats go round the processes, so that the lowest seats, which are taken first,
//! spread the work evenly.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mesero::{Attempt, Failure, Seats};
use tokio::process::Child;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Health, Order, Resource, Serving};
use crate::process::spawner::Spawner;

mod answer;
mod lane;
mod multiplex;
mod place;
mod start;
mod worker;

use place::{Place, Seat};
pub(crate) use start::StartError;
use worker::Worker;

/// What has to be known to run a callable.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The resource's name; workers and their log lines carry it.
    pub(crate) name: Arc<str>,
    /// `package.module:attribute`.
    pub(crate) callable: String,
    pub(crate) interpreter: PathBuf,
    /// Folders put in front of `sys.path`.
    pub(crate) path: Vec<PathBuf>,
    pub(crate) processes: NonZeroUsize,
    /// Threads in each process, for a sync callable.
    pub(crate) threads: NonZeroUsize,
    /// Calls in flight in each process, for an async callable.
    pub(crate) concurrency: NonZeroUsize,
    /// Added to the environment.
    pub(crate) environment: Vec<(String, String)>,
    /// How long a worker may take until it can serve.
    pub(crate) start_timeout: Duration,
    /// How long a worker has to end by itself before it is killed.
    pub(crate) grace: Duration,
}

/// A Python callable in worker processes.
#[derive(Debug)]
pub(crate) struct PythonFunction {
    places: Vec<Arc<Place>>,
    seats: NonZeroUsize,
    description: String,
    /// The children that nobody looks after yet.
    unattended: Mutex<Vec<(Child, Arc<Worker>)>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl PythonFunction {
    /// Starts all workers, and waits until they can serve.
    ///
    /// # Errors
    /// Why the first of them that did not come up did not; the others are ended.
    pub(crate) async fn start(settings: Settings, spawner: Spawner) -> Result<Self, StartError> {
        let settings = Arc::new(settings);
        let tasks = TaskTracker::new();
        let starting = (0..settings.processes.get())
            .map(|_| tasks.spawn(start::worker(Arc::clone(&settings), spawner.clone())));
        let starting: Vec<_> = starting.collect();
        let mut unattended = Vec::with_capacity(starting.len());
        for started in starting {
            // A child that is dropped is killed.
            let started = started.await.map_err(|error| StartError::Io(error.into()))?;
            unattended.push(started?);
        }
        let lanes = match unattended.first() {
            Some((_, worker)) => worker.capacity(),
            None => NonZeroUsize::MIN,
        };
        let processes = settings.processes;
        let places = unattended.iter().enumerate().map(|(index, (_, worker))| {
            let seats = (0..lanes.get()).map(|lane| lane * processes.get() + index).collect();
            let (settings, spawner) = (Arc::clone(&settings), spawner.clone());
            let means = place::Means { settings, spawner, tasks: tasks.clone() };
            Arc::new(Place::new(seats, Arc::clone(worker), means))
        });
        let description = describe(&settings, unattended.first().map(|(_, worker)| &**worker));
        Ok(Self {
            places: places.collect(),
            description,
            seats: lanes.saturating_mul(processes),
            unattended: Mutex::new(unattended),
            tasks,
            stop: CancellationToken::new(),
        })
    }
}

impl Resource for PythonFunction {
    fn seats(&self) -> NonZeroUsize {
        self.seats
    }

    fn attend(&self, seats: Seats) {
        let children = {
            let mut unattended = self.unattended.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *unattended)
        };
        for (place, (child, worker)) in self.places.iter().zip(children) {
            place.attend(seats.clone());
            let stop = self.stop.clone();
            self.tasks.spawn(Arc::clone(place).look_after(child, worker, stop));
        }
    }

    fn attempt(&self, order: Order, attempt: Attempt) -> Serving {
        let seat = attempt.slot().seat();
        let (lane, index) = (seat / self.places.len(), seat % self.places.len());
        let place = Arc::clone(&self.places[index]);
        Box::pin(async move {
            match place.worker() {
                Some(worker) => worker.call(order, Seat { place, lane, attempt }).await,
                None => Err(Failure::unreachable("the worker is being started again")),
            }
        })
    }

    fn describe(&self) -> String {
        self.description.clone()
    }

    fn health(&self) -> Health {
        Health {
            up: self.places.iter().filter(|place| place.worker().is_some()).count(),
            wanted: self.places.len(),
            restarts: self.places.iter().map(|place| place.restarts()).sum(),
        }
    }

    fn stop(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.stop.cancel();
        self.tasks.close();
        Box::pin(self.tasks.wait())
    }
}

fn describe(settings: &Settings, worker: Option<&Worker>) -> String {
    let Settings { callable, processes, .. } = settings;
    let Some(worker) = worker else { return callable.clone() };
    let (hello, capacity) = (&worker.hello, worker.capacity());
    let (word, seats) = match hello.is_async {
        true => ("async", "calls at once (processes × concurrency)"),
        false => ("sync", "calls at once (processes × threads)"),
    };
    let (signature, python) = (&hello.signature, &hello.python);
    format!("{word} {callable}{signature} on Python {python}; {processes} × {capacity} {seats}")
}
