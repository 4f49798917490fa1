//! A replica: the state of one of a resource's workers and of its seats.

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

/// One of the workers that a resource should have, with its seats.
///
/// One worker at a time serves the seats. A retired worker finishes its leased calls, each with its
/// slot; so a seat's slot is either used by the retired worker or free for its successor, and never
/// both.
#[derive(Debug)]
pub(super) struct Replica {
    seats: Vec<usize>,
    state: Mutex<State>,
    /// Notified when a vacancy may have appeared or gone.
    changed: Notify,
    /// Notified when a worker is installed.
    arrived: Notify,
    grants: OnceLock<Seats>,
    in_flight: CallsInFlight,
    restarts: AtomicU64,
    context: SpawnContext,
}

#[derive(Debug)]
struct State {
    worker: Option<Arc<Worker>>,
    /// Time of its installation.
    since: Instant,
    /// Number of installed workers. A worker that was started before the last installation is out
    /// of date.
    arrivals: u64,
    /// Reason for the planned replacement of the present worker.
    successor_wanted: Option<RecyclingReason>,
    /// Service time of the last worker, if it ended by itself; taken by the next
    /// [`vacancy`](Replica::vacancy).
    crashed_after: Option<Duration>,
}

/// Time at which a worker is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replacement {
    /// It serves until its successor is ready.
    AfterSuccessor(RecyclingReason),
    /// It gets no further call; its seats are closed until the successor is ready.
    Immediate,
}

/// A worker that should be started.
#[derive(Debug)]
pub(super) struct Vacancy {
    /// Reason for the planned replacement; none if the seats are closed until the worker is ready.
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

    /// Returns a lease of the present worker, if there is one.
    pub(super) fn lease(&self) -> Option<Lease> {
        // Under the lock: a retired worker is either leased before or not found here.
        self.state().worker.as_ref().map(Worker::lease)
    }

    /// Waits for a worker and returns a lease of it. Dropping the future has no effect.
    pub(super) async fn next_lease(&self) -> Lease {
        loop {
            // Registered before the check, so that no installation in between is missed.
            let arrived = self.arrived.notified();
            if let Some(lease) = self.lease() {
                return lease;
            }
            arrived.await;
        }
    }

    /// Returns the present worker, if there is one.
    pub(super) fn worker(&self) -> Option<Arc<Worker>> {
        self.state().worker.clone()
    }

    pub(super) fn context(&self) -> &SpawnContext {
        &self.context
    }

    /// Number of its seats.
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

    /// Time between the request to end and the kill.
    pub(super) fn grace(&self) -> Duration {
        self.context.spec.settings.grace
    }

    /// Exceptions with a status of their own.
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

    /// Sets the dispatcher's seats, which are closed while there is no worker.
    pub(super) fn bind(&self, seats: Seats) {
        let _ = self.grants.set(seats);
    }

    /// Requests the replacement of `worker`, if it still serves here. It finishes its leased calls,
    /// whose slots are freed as they end, and is ended after the last one.
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

    /// Retires `worker`, which has ended or closed its socket, and closes the seats. Only the first
    /// call has an effect.
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

    /// Returns the worker that should be started, if there is one.
    pub(super) fn vacancy(&self) -> Option<Vacancy> {
        let mut state = self.state();
        let reason = state.successor_wanted;
        (state.worker.is_none() || reason.is_some()).then(|| Vacancy {
            reason,
            crashed_after: state.crashed_after.take(),
            arrivals: state.arrivals,
        })
    }

    /// Waits until [`vacancy`](Self::vacancy) may return something else.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Installs a worker that was started for this vacancy; returns false if another was installed
    /// since.
    pub(super) fn fill(&self, worker: &Arc<Worker>, vacancy: &Vacancy) -> bool {
        let state = self.state();
        let is_current = state.arrivals == vacancy.arrivals;
        if is_current {
            self.install(state, worker, vacancy.reason);
        }
        is_current
    }

    /// Installs a worker regardless of the present one.
    pub(super) fn hand_over(&self, worker: &Arc<Worker>, reason: RecyclingReason) {
        self.install(self.state(), worker, Some(reason));
        // A worker that is being started is out of date.
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
