//! The worker processes of a resource, started together.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use mesero::{Attempt, JobId, Seats};
use mesero_process::spawner::Spawner;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::process::WorkerProcess;
use super::recycling::RecyclingReason;
use super::replica::Replica;
use super::seat::Seat;
use super::spawn_context::SpawnContext;
use super::start::{self, StartError};
use super::supervisor;
use super::worker::Worker;
use super::worker_spec::WorkerSpec;
use crate::Health;

/// The worker processes of a resource, one for each replica.
#[derive(Debug)]
pub(super) struct Workers {
    replicas: Vec<Arc<Replica>>,
    seats: NonZeroUsize,
    /// Processes whose supervisors have not started yet.
    unattended: Mutex<Vec<WorkerProcess>>,
    context: SpawnContext,
}

impl Workers {
    /// Starts all workers, and waits until they can serve. Dropping the future kills the workers
    /// started so far.
    ///
    /// # Errors
    /// The error of the first worker that failed to start; the others are killed.
    pub(super) async fn start(spec: WorkerSpec, spawner: Spawner) -> Result<Self, StartError> {
        let context = SpawnContext {
            spec: Arc::new(spec),
            spawner,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            one_at_a_time: Arc::default(),
            replaced: Arc::default(),
        };
        let processes = context.spec.settings.processes;
        let starting = (0..processes.get())
            .map(|_| start::worker(Arc::clone(&context.spec), context.spawner.clone()));
        let unattended = all(&context.tasks, starting).await?;
        let seats_per_process = match unattended.first() {
            Some(process) => process.worker.capacity(),
            None => NonZeroUsize::MIN,
        };
        let replicas = unattended.iter().enumerate().map(|(index, process)| {
            let seats = (0..seats_per_process.get())
                .map(|worker_seat| worker_seat * processes.get() + index)
                .collect();
            Arc::new(Replica::new(seats, Arc::clone(&process.worker), context.clone()))
        });
        Ok(Self {
            replicas: replicas.collect(),
            seats: seats_per_process.saturating_mul(processes),
            unattended: Mutex::new(unattended),
            context,
        })
    }

    pub(super) fn seats(&self) -> NonZeroUsize {
        self.seats
    }

    pub(super) fn spec(&self) -> &WorkerSpec {
        &self.context.spec
    }

    /// Returns one of the workers, as an example of all.
    pub(super) fn first(&self) -> Option<Arc<Worker>> {
        self.replicas.first().and_then(|replica| replica.worker())
    }

    pub(super) fn supervise(&self, seats: &Seats) {
        let processes = {
            let mut unattended = self.unattended.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *unattended)
        };
        for (replica, process) in self.replicas.iter().zip(processes) {
            replica.bind(seats.clone());
            supervisor::supervise(replica, process);
        }
    }

    /// Returns the seat of the attempt's slot.
    pub(super) fn seat(&self, attempt: Attempt) -> Seat {
        let seat = attempt.slot().seat();
        let (worker_seat, index) = (seat / self.replicas.len(), seat % self.replicas.len());
        Seat::new(Arc::clone(&self.replicas[index]), worker_seat, attempt)
    }

    /// Returns the stack of the job's call at this seat.
    pub(super) async fn stack(&self, seat: usize, job: JobId) -> Option<String> {
        let (worker_seat, index) = (seat / self.replicas.len(), seat % self.replicas.len());
        self.replicas.get(index)?.in_flight().stack(worker_seat, job).await
    }

    pub(super) fn health(&self) -> Health {
        Health {
            up: self.replicas.iter().filter(|replica| replica.worker().is_some()).count(),
            wanted: self.replicas.len(),
            restarts: self.replicas.iter().map(|replica| replica.restarts()).sum(),
        }
    }

    /// Starts a successor for every worker, and lets all of them take over once all can serve.
    /// Dropping the future before that kills the successors, and changes nothing.
    ///
    /// # Errors
    /// The error of the first successor that failed to start; the others are killed, and the
    /// present workers continue to serve.
    pub(super) async fn reload(&self) -> Result<usize, StartError> {
        let starting = self.replicas.iter().map(|replica| {
            let replica = Arc::clone(replica);
            async move { supervisor::start(&replica).await }
        });
        let successors = all(&self.context.tasks, starting).await?;
        let count = successors.len();
        for (replica, successor) in self.replicas.iter().zip(successors) {
            supervisor::hand_over(replica, successor, RecyclingReason::Reload);
        }
        Ok(count)
    }

    /// Numbers of replaced healthy workers, by reason.
    pub(super) fn replaced(&self) -> Vec<(&'static str, u64)> {
        self.context.replaced.counts()
    }

    /// Stops all workers, and waits until their processes and background tasks have ended. Dropping
    /// the future leaves the stop requested.
    pub(super) async fn stop(&self) {
        self.context.stop.cancel();
        self.context.tasks.close();
        self.context.tasks.wait().await;
    }
}

/// Waits until all of these workers can serve. Dropping the future kills the workers started so
/// far.
///
/// # Errors
/// The error of the first worker that failed to start; the others are killed.
async fn all<F>(
    tasks: &TaskTracker,
    starting: impl Iterator<Item = F>,
) -> Result<Vec<WorkerProcess>, StartError>
where
    F: Future<Output = Result<WorkerProcess, StartError>> + Send + 'static,
{
    let starting: Vec<_> =
        starting.map(|worker| AbortOnDropHandle::new(tasks.spawn(worker))).collect();
    let mut started = Vec::with_capacity(starting.len());
    for worker in starting {
        // Dropping a process kills it.
        started.push(worker.await.map_err(|error| StartError::Io(error.into()))??);
    }
    Ok(started)
}
