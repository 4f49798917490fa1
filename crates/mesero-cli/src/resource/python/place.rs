//! Where a worker process belongs: whoever is there is looked after, and replaced when it ends.

use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use mesero::{Attempt, Failure, Seats};
use tokio::process::Child;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::Exceptions;
use super::worker::Worker;
use super::{Settings, start};
use crate::process::child;
use crate::process::spawner::Spawner;

/// One of the processes that a resource should have, with the seats that it serves.
#[derive(Debug)]
pub(super) struct Place {
    seats: Vec<usize>,
    worker: Mutex<Option<Arc<Worker>>>,
    keeper: OnceLock<Seats>,
    restarts: AtomicU64,
    means: Means,
}

/// Where an attempt is served; holds its slot.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) place: Arc<Place>,
    /// Which of the place's seats it is.
    pub(super) lane: usize,
    pub(super) attempt: Attempt,
}

/// What it takes to start a worker.
#[derive(Debug)]
pub(super) struct Means {
    pub(super) settings: Arc<Settings>,
    pub(super) spawner: Spawner,
    /// Whatever still goes on at the place when its caller has left.
    pub(super) tasks: TaskTracker,
}

impl Seat {
    /// The worker at this place.
    ///
    /// # Errors
    /// If there is none at the moment.
    pub(super) fn worker(&self) -> Result<Arc<Worker>, Failure> {
        self.place.worker().ok_or_else(|| Failure::unreachable("the worker is being started again"))
    }
}

impl Place {
    pub(super) fn new(seats: Vec<usize>, worker: Arc<Worker>, means: Means) -> Self {
        Self {
            seats,
            worker: Mutex::new(Some(worker)),
            keeper: OnceLock::new(),
            restarts: AtomicU64::new(0),
            means,
        }
    }

    /// The worker that serves, if one does.
    pub(super) fn worker(&self) -> Option<Arc<Worker>> {
        self.current().clone()
    }

    /// How long a worker has to end what nobody wants any more.
    pub(super) fn grace(&self) -> Duration {
        self.means.settings.grace
    }

    /// The exceptions that are no surprise.
    pub(super) fn exceptions(&self) -> &Exceptions {
        &self.means.settings.exceptions
    }

    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.means.tasks
    }

    pub(super) fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// From now on its seats are closed while nobody is there.
    pub(super) fn attend(&self, seats: Seats) {
        let _ = self.keeper.set(seats);
    }

    /// `worker` serves no further call. Whoever notices first closes the seats.
    pub(super) fn lost(&self, worker: &Arc<Worker>) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, worker)) {
            *current = None;
            if let Some(keeper) = self.keeper.get() {
                keeper.close(&self.seats);
            }
        }
    }

    fn found(&self, worker: Arc<Worker>) {
        *self.current() = Some(worker);
        self.restarts.fetch_add(1, Ordering::Relaxed);
        if let Some(keeper) = self.keeper.get() {
            keeper.open(&self.seats);
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<Worker>>> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the worker's end, and starts another; until it is told to stop.
    pub(super) async fn look_after(
        self: Arc<Self>,
        mut child: Child,
        mut worker: Arc<Worker>,
        stop: CancellationToken,
    ) {
        let mut backoff = Backoff::default();
        loop {
            backoff.started();
            let ended = self.until_ended(&mut child, &worker, &stop).await;
            self.lost(&worker);
            worker.abandon();
            if let Ended::Stopped = ended {
                return;
            }
            self.report(&worker, &ended);
            let started = tokio::select! {
                started = self.start_another(&mut backoff) => started,
                () = stop.cancelled() => return,
            };
            (child, worker) = started;
            self.found(Arc::clone(&worker));
        }
    }

    async fn until_ended(
        &self,
        child: &mut Child,
        worker: &Arc<Worker>,
        stop: &CancellationToken,
    ) -> Ended {
        let grace = self.means.settings.grace;
        tokio::select! {
            status = child.wait() => return Ended::ByItself(status.ok()),
            // It closed its socket; the process follows, or is made to.
            () = worker.listen() => {}
            () = worker.unwanted.notified() => {
                child::end(child, grace).await;
                return Ended::Unwanted;
            }
            () = stop.cancelled() => {
                child::end(child, grace).await;
                return Ended::Stopped;
            }
        }
        // Before the grace begins, so that no call is sent to a worker that does not listen.
        self.lost(worker);
        child::end(child, grace).await;
        Ended::ByItself(child.wait().await.ok())
    }

    fn report(&self, worker: &Worker, ended: &Ended) {
        let (name, pid) = (&self.means.settings.name, worker.hello.pid);
        match ended {
            Ended::ByItself(Some(status)) => {
                tracing::warn!(resource = %name, pid, "worker ended by itself: {status}");
            }
            Ended::ByItself(None) => {
                tracing::warn!(resource = %name, pid, "worker ended by itself")
            }
            Ended::Unwanted => {
                tracing::info!(resource = %name, pid, "worker ended: its call had been given up");
            }
            Ended::Stopped => {}
        }
    }

    async fn start_another(&self, backoff: &mut Backoff) -> (Child, Arc<Worker>) {
        loop {
            sleep(backoff.pause()).await;
            let Means { settings, spawner, .. } = &self.means;
            match start::worker(Arc::clone(settings), spawner.clone()).await {
                Ok((child, worker)) => {
                    let pid = worker.hello.pid;
                    tracing::info!(resource = %settings.name, pid, "worker started");
                    return (child, worker);
                }
                Err(error) => {
                    tracing::error!(resource = %settings.name, "failed to {error}");
                }
            }
        }
    }
}

/// How a worker ended.
enum Ended {
    ByItself(Option<ExitStatus>),
    Unwanted,
    Stopped,
}

/// How long to wait before a worker is started again: not at all after one that served well,
/// longer and longer after those that end at once.
#[derive(Debug, Default)]
struct Backoff {
    failures: u32,
    started: Option<Instant>,
}

impl Backoff {
    /// A worker that served this long was well.
    const WELL: Duration = Duration::from_secs(10);
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(10);

    fn started(&mut self) {
        self.started = Some(Instant::now());
    }

    fn pause(&mut self) -> Duration {
        let started = self.started.take();
        if started.is_some_and(|started| started.elapsed() >= Self::WELL) {
            self.failures = 0;
        }
        let pause = match self.failures {
            0 => Duration::ZERO,
            n => Self::FIRST.saturating_mul(2u32.saturating_pow(n - 1)).min(Self::LONGEST),
        };
        self.failures = self.failures.saturating_add(1);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_served_well_is_replaced_at_once_and_one_that_keeps_ending_ever_later() {
        let mut backoff = Backoff::default();
        backoff.started();
        tokio::time::advance(Duration::from_secs(60)).await;
        let pauses: Vec<_> = (0..10).map(|_| backoff.pause().as_millis()).collect();
        assert_eq!(pauses, [0, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
        backoff.started();
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(backoff.pause(), Duration::ZERO);
    }
}
