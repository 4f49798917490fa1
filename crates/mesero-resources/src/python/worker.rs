//! One worker process that can serve.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use mesero::Failure;
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::control_channel::ControlChannel;
use super::loop_watch::LoopWatch;
use super::multiplex::Multiplex;
use super::recycling::RecyclingState;
use super::worker_socket::WorkerSocket;
use super::worker_spec::WorkerSpec;

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
    pub(super) control_channel: ControlChannel,
    /// What is heard there of its event loop.
    loop_watch: LoopWatch,
    transport: Transport,
    next_id: AtomicU64,
    /// The calls in it; closed when it has left.
    leases: TaskTracker,
    retirement: OnceLock<Retirement>,
    pub(super) recycling: RecyclingState,
    /// It is to be ended, whatever calls are in it.
    killed: CancellationToken,
    /// It is reaped; what it occupied is free.
    pub(super) gone: CancellationToken,
}

/// Why a worker gets no further call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retirement {
    /// Another serves in its place.
    Replaced,
    /// A call in it does not end.
    Abandoned,
    /// It ended, or does not listen.
    Lost,
}

/// A call's hold on its worker: as long as one is there, a worker that has left is not ended.
#[derive(Debug)]
pub(super) struct Lease {
    worker: Arc<Worker>,
    _token: TaskTrackerToken,
}

impl Lease {
    pub(super) fn worker(&self) -> &Arc<Worker> {
        &self.worker
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.worker.recycling.served();
    }
}

/// How calls reach it.
#[derive(Debug)]
enum Transport {
    /// One socket a thread.
    Sync { sockets: Vec<Mutex<Option<WorkerSocket>>> },
    /// One socket for all.
    Async(Arc<Multiplex>),
}

impl Worker {
    pub(super) fn new(
        hello: Hello,
        control: UnixStream,
        seats: Vec<UnixStream>,
        spec: &WorkerSpec,
    ) -> Self {
        let mut seats = seats.into_iter();
        let transport = match (hello.is_async, seats.next()) {
            (true, Some(first)) => {
                Transport::Async(Arc::new(Multiplex::new(first, spec.settings.concurrency)))
            }
            (_, first) => {
                let socket = |seat| Mutex::new(Some(WorkerSocket::new(seat)));
                Transport::Sync { sockets: first.into_iter().chain(seats).map(socket).collect() }
            }
        };
        Self {
            control_channel: ControlChannel::new(control),
            loop_watch: LoopWatch::new(hello.pid, spec),
            hello,
            transport,
            next_id: AtomicU64::new(1),
            leases: TaskTracker::new(),
            retirement: OnceLock::new(),
            recycling: RecyclingState::new(&spec.settings.recycling),
            killed: CancellationToken::new(),
            gone: CancellationToken::new(),
        }
    }

    /// How many calls it can serve at once.
    pub(super) fn capacity(&self) -> NonZeroUsize {
        match &self.transport {
            Transport::Sync { sockets, .. } => {
                NonZeroUsize::new(sockets.len()).unwrap_or(NonZeroUsize::MIN)
            }
            Transport::Async(multiplex) => multiplex.concurrency(),
        }
    }

    /// A hold for one call.
    pub(super) fn lease(self: &Arc<Self>) -> Lease {
        Lease { worker: Arc::clone(self), _token: self.leases.token() }
    }

    /// It gets no further call.
    pub(super) fn retire(&self, retirement: Retirement) {
        let _ = self.retirement.set(retirement);
        self.leases.close();
    }

    /// Why it gets no further call, if it does not.
    pub(super) fn retirement(&self) -> Option<Retirement> {
        self.retirement.get().copied()
    }

    /// Waits until it gets no further call and no call holds it.
    pub(super) async fn drained(&self) {
        self.leases.wait().await;
    }

    /// It is to be ended now, with the calls that are in it.
    pub(super) fn kill(&self) {
        self.killed.cancel();
    }

    /// Waits until it is to be ended with the calls that are in it.
    pub(super) async fn killed(&self) {
        self.killed.cancelled().await;
    }

    /// Why a call in it has no answer when it is gone.
    pub(super) fn failure(&self) -> Failure {
        let pid = self.hello.pid;
        Failure::lost(match self.killed.is_cancelled() {
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
        match &self.transport {
            Transport::Sync { .. } => None,
            Transport::Async(multiplex) => Some(multiplex),
        }
    }

    /// Takes the lane of a seat, which is idle: its slot has just been granted.
    pub(super) fn take_socket(&self, index: usize) -> Option<WorkerSocket> {
        let Transport::Sync { sockets, .. } = &self.transport else { return None };
        sockets.get(index)?.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn put_socket(&self, index: usize, socket: WorkerSocket) {
        if let Transport::Sync { sockets, .. } = &self.transport
            && let Some(seat) = sockets.get(index)
        {
            *seat.lock().unwrap_or_else(PoisonError::into_inner) = Some(socket);
        }
    }

    /// Reads what it says beside the answers on its seats, until it ends.
    pub(super) async fn listen(&self) {
        match &self.transport {
            Transport::Sync { .. } => self.control_channel.listen(&self.loop_watch).await,
            Transport::Async(multiplex) => tokio::select! {
                () = self.control_channel.listen(&self.loop_watch) => {}
                () = multiplex.run() => {}
            },
        }
    }

    /// Fails all calls that are still in it.
    pub(super) fn abandon(&self) {
        self.control_channel.abandon();
        if let Transport::Async(multiplex) = &self.transport {
            multiplex.abandon();
        }
        self.gone.cancel();
    }
}
