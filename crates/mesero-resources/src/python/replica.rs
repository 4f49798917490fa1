//! Where a worker process belongs: who serves its seats, and who takes them over.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use mesero::Seats;
use mesero_config::PythonSettings;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::Exceptions;
use super::in_flight::CallsInFlight;
use super::recycling::RecyclingReason;
use super::spawn_context::SpawnContext;
use super::worker::{Lease, Retirement, Worker};

/// One of the processes that a resource should have, with the seats that it serves.
///
/// One worker at a time is granted calls here. One that has left finishes the calls that hold it,
/// each with the slot that it has; so a seat's slot is either with the worker that left or free
/// for the one that came, and never with both.
#[derive(Debug)]
pub(super) struct Replica {
    seats: Vec<usize>,
    state: Mutex<State>,
    /// Another worker may be wanted, or not any more.
    changed: Notify,
    /// Another worker has come.
    arrived: Notify,
    grants: OnceLock<Seats>,
    in_flight: CallsInFlight,
    restarts: AtomicU64,
    context: SpawnContext,
}

#[derive(Debug)]
struct State {
    worker: Option<Arc<Worker>>,
    /// When it came.
    since: Instant,
    /// How many have come. A worker that was started before the last one came is out of date.
    arrivals: u64,
    /// Why the present worker is to be replaced, if it is.
    successor_wanted: Option<RecyclingReason>,
    /// How long the last one served, if it ended by itself and nobody has asked yet.
    crashed_after: Option<Duration>,
}

/// How a worker is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replacement {
    /// It serves until another is there.
    AfterSuccessor(RecyclingReason),
    /// It gets no further call. Its seats are closed until another is there.
    Immediate,
}

/// A worker is wanted.
#[derive(Debug)]
pub(super) struct Vacancy {
    /// Why the present worker is to be replaced; nothing if nobody serves here until it comes.
    pub(super) reason: Option<RecyclingReason>,
    pub(super) crashed_after: Option<Duration>,
    pub(super) arrivals: u64,
}

impl Replica {
    pub(super) fn new(seats: Vec<usize>, worker: Arc<Worker>, context: SpawnContext) -> Self {
        let state = State {
            worker: Some(worker),
            since: Instant::now(),
            arrivals: 0,
            successor_wanted: None,
            crashed_after: None,
        };
        Self {
            seats,
            state: Mutex::new(state),
            changed: Notify::new(),
            arrived: Notify::new(),
            grants: OnceLock::new(),
            in_flight: CallsInFlight::default(),
            restarts: AtomicU64::new(0),
            context,
        }
    }

    /// A hold on the worker that serves, if one does.
    pub(super) fn lease(&self) -> Option<Lease> {
        // Under the lock: a worker that leaves is either held by then or not found here.
        self.state().worker.as_ref().map(Worker::lease)
    }

    /// Waits for a worker, and holds it.
    pub(super) async fn next_lease(&self) -> Lease {
        loop {
            // Before the look, so that none comes unseen in between.
            let arrived = self.arrived.notified();
            if let Some(lease) = self.lease() {
                return lease;
            }
            arrived.await;
        }
    }

    /// The worker that serves, if one does.
    pub(super) fn worker(&self) -> Option<Arc<Worker>> {
        self.state().worker.clone()
    }

    pub(super) fn context(&self) -> &SpawnContext {
        &self.context
    }

    /// How many seats it serves.
    pub(super) fn capacity(&self) -> usize {
        self.seats.len()
    }

    pub(super) fn resource(&self) -> &str {
        &self.context.spec.name
    }

    pub(super) fn settings(&self) -> &PythonSettings {
        &self.context.spec.settings
    }

    pub(super) fn in_flight(&self) -> &CallsInFlight {
        &self.in_flight
    }

    /// How long a worker has to end what nobody wants any more.
    pub(super) fn grace(&self) -> Duration {
        self.context.spec.settings.grace
    }

    /// The exceptions that are no surprise.
    pub(super) fn exceptions(&self) -> &Exceptions {
        &self.context.spec.settings.exceptions
    }

    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.context.tasks
    }

    pub(super) fn stop(&self) -> &CancellationToken {
        &self.context.stop
    }

    pub(super) fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// From now on its seats are closed while nobody is there.
    pub(super) fn bind(&self, seats: Seats) {
        let _ = self.grants.set(seats);
    }

    /// Has `worker` replaced, if it serves here still. Either way it finishes the calls that hold
    /// it, is ended when none does any more, and its calls' slots come back as they end.
    pub(super) fn replace(&self, worker: &Arc<Worker>, how: Replacement) {
        match how {
            Replacement::Immediate => self.dismiss(worker, Retirement::Abandoned),
            Replacement::AfterSuccessor(reason) => {
                let mut state = self.state();
                if state.has(worker) {
                    state.successor_wanted = Some(reason);
                }
            }
        }
        self.changed.notify_one();
    }

    /// `worker` serves no further call: it ended, or does not listen. Whoever notices first closes
    /// the seats.
    pub(super) fn lost(&self, worker: &Arc<Worker>) {
        self.dismiss(worker, Retirement::Lost);
        self.changed.notify_one();
    }

    fn dismiss(&self, worker: &Arc<Worker>, retirement: Retirement) {
        let mut state = self.state();
        if !state.has(worker) {
            return;
        }
        state.worker = None;
        state.successor_wanted = None;
        state.crashed_after = (retirement == Retirement::Lost).then(|| state.since.elapsed());
        worker.retire(retirement);
        if let Some(grants) = self.grants.get() {
            grants.close(&self.seats);
        }
    }

    /// A worker that is wanted here, if one is.
    pub(super) fn vacancy(&self) -> Option<Vacancy> {
        let mut state = self.state();
        let reason = state.successor_wanted;
        (state.worker.is_none() || reason.is_some()).then(|| Vacancy {
            reason,
            crashed_after: state.crashed_after.take(),
            arrivals: state.arrivals,
        })
    }

    /// Waits until [`vacancy`](Self::vacancy) may say something else.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Lets a worker that was started for this opening serve, unless another has come meanwhile;
    /// whether it does.
    pub(super) fn fill(&self, worker: &Arc<Worker>, vacancy: &Vacancy) -> bool {
        let state = self.state();
        let is_current = state.arrivals == vacancy.arrivals;
        if is_current {
            self.install(state, worker, vacancy.reason);
        }
        is_current
    }

    /// Lets a worker that was started here serve, whoever serves now.
    pub(super) fn hand_over(&self, worker: &Arc<Worker>, reason: RecyclingReason) {
        self.install(self.state(), worker, Some(reason));
        // Whoever was about to come is out of date.
        self.changed.notify_one();
    }

    fn install(
        &self,
        mut state: MutexGuard<'_, State>,
        worker: &Arc<Worker>,
        reason: Option<RecyclingReason>,
    ) {
        let (resource, pid) = (self.resource(), worker.hello.pid);
        let before = state.worker.replace(Arc::clone(worker));
        state.since = Instant::now();
        state.arrivals += 1;
        state.successor_wanted = None;
        match before {
            Some(before) => {
                before.retire(Retirement::Replaced);
                let before = before.hello.pid;
                tracing::info!(
                    resource,
                    pid,
                    before,
                    reason = reason.map(RecyclingReason::as_str),
                    "worker took over"
                );
                if let Some(reason) = reason {
                    self.context.replaced.add(reason);
                }
            }
            None => {
                self.restarts.fetch_add(1, Ordering::Relaxed);
                tracing::info!(resource, pid, "worker started");
                if let Some(grants) = self.grants.get() {
                    grants.open(&self.seats);
                }
            }
        }
        self.arrived.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has(&self, worker: &Arc<Worker>) -> bool {
        self.worker.as_ref().is_some_and(|present| Arc::ptr_eq(present, worker))
    }
}
