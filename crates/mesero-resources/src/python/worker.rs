//! One worker process that can serve.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use mesero::Failure;
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::lane::Lane;
use super::loop_watch::LoopWatch;
use super::multiplex::Multiplex;
use super::orders::Orders;
use super::settings::Settings;
use super::wear::Wear;

/// What a worker says of itself when it can serve.
#[derive(Debug)]
pub(super) struct Hello {
    pub(super) is_async: bool,
    pub(super) pid: u32,
    pub(super) python: String,
    pub(super) signature: String,
}

/// A worker process, from its greeting until it is reaped.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) hello: Hello,
    /// It ends when this closes.
    pub(super) orders: Orders,
    /// What is heard there of its event loop.
    loop_watch: LoopWatch,
    line: Line,
    next_id: AtomicU64,
    /// The calls in it; closed when it has left.
    holds: TaskTracker,
    leaving: OnceLock<Leaving>,
    pub(super) wear: Wear,
    /// It is to be ended, whatever calls are in it.
    condemned: CancellationToken,
    /// It is reaped; what it occupied is free.
    pub(super) gone: CancellationToken,
}

/// Why a worker gets no further call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    /// Another serves in its place.
    Replaced,
    /// A call in it does not end.
    GivenUp,
    /// It ended, or does not listen.
    Lost,
}

/// A call's hold on its worker: as long as one is there, a worker that has left is not ended.
#[derive(Debug)]
pub(super) struct Hold {
    worker: Arc<Worker>,
    _token: TaskTrackerToken,
}

impl Hold {
    pub(super) fn worker(&self) -> &Arc<Worker> {
        &self.worker
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.worker.wear.served();
    }
}

/// How calls reach it.
#[derive(Debug)]
enum Line {
    /// One socket a thread.
    Sync { lanes: Vec<Mutex<Option<Lane>>> },
    /// One socket for all.
    Async(Arc<Multiplex>),
}

impl Worker {
    pub(super) fn new(
        hello: Hello,
        control: UnixStream,
        seats: Vec<UnixStream>,
        settings: &Settings,
    ) -> Self {
        let mut seats = seats.into_iter();
        let line = match (hello.is_async, seats.next()) {
            (true, Some(first)) => {
                Line::Async(Arc::new(Multiplex::new(first, settings.concurrency)))
            }
            (_, first) => {
                let lane = |seat| Mutex::new(Some(Lane::new(seat)));
                Line::Sync { lanes: first.into_iter().chain(seats).map(lane).collect() }
            }
        };
        Self {
            orders: Orders::new(control),
            loop_watch: LoopWatch::new(hello.pid, settings),
            hello,
            line,
            next_id: AtomicU64::new(1),
            holds: TaskTracker::new(),
            leaving: OnceLock::new(),
            wear: Wear::new(&settings.bounds),
            condemned: CancellationToken::new(),
            gone: CancellationToken::new(),
        }
    }

    /// How many calls it can serve at once.
    pub(super) fn capacity(&self) -> NonZeroUsize {
        match &self.line {
            Line::Sync { lanes, .. } => NonZeroUsize::new(lanes.len()).unwrap_or(NonZeroUsize::MIN),
            Line::Async(multiplex) => multiplex.concurrency(),
        }
    }

    /// A hold for one call.
    pub(super) fn hold(self: &Arc<Self>) -> Hold {
        Hold { worker: Arc::clone(self), _token: self.holds.token() }
    }

    /// It gets no further call.
    pub(super) fn leave(&self, leaving: Leaving) {
        let _ = self.leaving.set(leaving);
        self.holds.close();
    }

    /// Why it gets no further call, if it does not.
    pub(super) fn leaving(&self) -> Option<Leaving> {
        self.leaving.get().copied()
    }

    /// Waits until it gets no further call and no call holds it.
    pub(super) async fn left(&self) {
        self.holds.wait().await;
    }

    /// It is to be ended now, with the calls that are in it.
    pub(super) fn condemn(&self) {
        self.condemned.cancel();
    }

    /// Waits until it is to be ended with the calls that are in it.
    pub(super) async fn condemned(&self) {
        self.condemned.cancelled().await;
    }

    /// Why a call in it has no answer when it is gone.
    pub(super) fn failure(&self) -> Failure {
        let pid = self.hello.pid;
        Failure::lost(match self.condemned.is_cancelled() {
            true => {
                format!("the worker process {pid} was ended for another call, which did not stop")
            }
            false => format!("the worker process {pid} ended in the middle of the call"),
        })
    }

    /// An id that no other call to this worker has.
    pub(super) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// The calls of an async worker.
    pub(super) fn multiplex(&self) -> Option<&Arc<Multiplex>> {
        match &self.line {
            Line::Sync { .. } => None,
            Line::Async(multiplex) => Some(multiplex),
        }
    }

    /// Takes the lane of a seat, which is idle: its slot has just been granted.
    pub(super) fn take_lane(&self, index: usize) -> Option<Lane> {
        let Line::Sync { lanes, .. } = &self.line else { return None };
        lanes.get(index)?.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn put_lane(&self, index: usize, lane: Lane) {
        if let Line::Sync { lanes, .. } = &self.line
            && let Some(seat) = lanes.get(index)
        {
            *seat.lock().unwrap_or_else(PoisonError::into_inner) = Some(lane);
        }
    }

    /// Reads what it says beside the answers on its seats, until it ends.
    pub(super) async fn listen(&self) {
        match &self.line {
            Line::Sync { .. } => self.orders.listen(&self.loop_watch).await,
            Line::Async(multiplex) => tokio::select! {
                () = self.orders.listen(&self.loop_watch) => {}
                () = multiplex.run() => {}
            },
        }
    }

    /// Fails all calls that are still in it.
    pub(super) fn abandon(&self) {
        self.orders.abandon();
        if let Line::Async(multiplex) = &self.line {
            multiplex.abandon();
        }
        self.gone.cancel();
    }
}
