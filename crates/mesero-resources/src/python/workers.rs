//! The worker processes of a resource, started together.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use mesero::{Attempt, JobId, Seats};
use mesero_process::spawner::Spawner;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::process::Process;
use super::replica::Place;
use super::seat::Seat;
use super::settings::Settings;
use super::spawn_context::Means;
use super::start::{self, StartError};
use super::supervisor;
use super::wear::Reason;
use super::worker::Worker;
use crate::Health;

/// The worker processes of a resource, each at its place.
#[derive(Debug)]
pub(super) struct Workers {
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
    pub(super) async fn start(settings: Settings, spawner: Spawner) -> Result<Self, StartError> {
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

    pub(super) fn seats(&self) -> NonZeroUsize {
        self.seats
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.means.settings
    }

    /// One of the workers, as an example of them all.
    pub(super) fn first(&self) -> Option<Arc<Worker>> {
        self.places.first().and_then(|place| place.worker())
    }

    pub(super) fn supervise(&self, seats: &Seats) {
        let processes = {
            let mut unattended = self.unattended.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *unattended)
        };
        for (place, process) in self.places.iter().zip(processes) {
            place.bind(seats.clone());
            supervisor::supervise(place, process);
        }
    }

    /// The seat that the attempt's slot names.
    pub(super) fn seat(&self, attempt: Attempt) -> Seat {
        let seat = attempt.slot().seat();
        let (lane, index) = (seat / self.places.len(), seat % self.places.len());
        Seat::new(Arc::clone(&self.places[index]), lane, attempt)
    }

    /// Where the job's call at this seat is in its code.
    pub(super) async fn stack(&self, seat: usize, job: JobId) -> Option<String> {
        let (lane, index) = (seat / self.places.len(), seat % self.places.len());
        self.places.get(index)?.calls().stack(lane, job).await
    }

    pub(super) fn health(&self) -> Health {
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
    pub(super) async fn reload(&self) -> Result<usize, StartError> {
        let starting = self.places.iter().map(|place| {
            let place = Arc::clone(place);
            async move { supervisor::start(&place).await }
        });
        let successors = all(&self.means.tasks, starting).await?;
        let count = successors.len();
        for (place, successor) in self.places.iter().zip(successors) {
            supervisor::hand_over(place, successor, Reason::Reload);
        }
        Ok(count)
    }

    /// How often a worker was replaced that was well, for each reason.
    pub(super) fn replaced(&self) -> Vec<(&'static str, u64)> {
        self.means.replaced.counts()
    }

    pub(super) async fn stop(&self) {
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
