//! State of one worker process.

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

/// A worker's description of itself, sent when it can serve.
#[derive(Debug)]
pub(super) struct Hello {
    pub(super) is_async: bool,
    pub(super) pid: u32,
    pub(super) python: String,
    pub(super) signature: String,
}

/// A worker process, from its HELLO until it is reaped.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) hello: Hello,
    /// The worker exits when this closes.
    pub(super) control_channel: ControlChannel,
    /// Receiver of reports about its event loop.
    loop_watch: LoopWatch,
    transport: Transport,
    next_id: AtomicU64,
    /// Leases of the calls in it; closed when it is retired.
    leases: TaskTracker,
    retirement: OnceLock<Retirement>,
    pub(super) recycling: RecyclingState,
    /// Set when the process must be killed despite running calls.
    killed: CancellationToken,
    /// Set when the process is reaped and its seats are free.
    pub(super) gone: CancellationToken,
}

/// Reason why a worker gets no further call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retirement {
    /// Its successor serves instead.
    Replaced,
    /// A call in it does not stop.
    Abandoned,
    /// It ended, or closed its socket.
    Lost,
}

/// A call's lease of its worker: a retired worker is not ended before its last lease is dropped.
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

/// Connection to the worker's seats.
#[derive(Debug)]
enum Transport {
    /// One socket per thread.
    Sync { sockets: Vec<Mutex<Option<WorkerSocket>>> },
    /// One socket for all calls.
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

    /// Calls that it can serve at once.
    pub(super) fn capacity(&self) -> NonZeroUsize {
        match &self.transport {
            Transport::Sync { sockets, .. } => {
                NonZeroUsize::new(sockets.len()).unwrap_or(NonZeroUsize::MIN)
            }
            Transport::Async(multiplex) => multiplex.concurrency(),
        }
    }

    /// Returns a lease for one call.
    pub(super) fn lease(self: &Arc<Self>) -> Lease {
        Lease { worker: Arc::clone(self), _token: self.leases.token() }
    }

    /// Ends the supply of calls, for this reason; only the first reason is kept.
    pub(super) fn retire(&self, retirement: Retirement) {
        let _ = self.retirement.set(retirement);
        self.leases.close();
    }

    /// Returns the reason why it gets no further call, if it is retired.
    pub(super) fn retirement(&self) -> Option<Retirement> {
        self.retirement.get().copied()
    }

    /// Waits until it is retired and its last lease is dropped.
    pub(super) async fn drained(&self) {
        self.leases.wait().await;
    }

    /// Has the process ended now, despite running calls.
    pub(super) fn kill(&self) {
        self.killed.cancel();
    }

    /// Waits until [`kill`](Self::kill) is called.
    pub(super) async fn killed(&self) {
        self.killed.cancelled().await;
    }

    /// Returns the failure of a call that was in the worker when it ended.
    pub(super) fn failure(&self) -> Failure {
        let pid = self.hello.pid;
        Failure::lost(if self.killed.is_cancelled() {
            format!("the worker process {pid} was ended for another call, which did not stop")
        } else {
            format!("the worker process {pid} ended in the middle of the call")
        })
    }

    /// Returns an ID that no other call to this worker has.
    pub(super) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Returns the socket of an async worker.
    pub(super) fn multiplex(&self) -> Option<&Arc<Multiplex>> {
        match &self.transport {
            Transport::Sync { .. } => None,
            Transport::Async(multiplex) => Some(multiplex),
        }
    }

    /// Takes the socket of a seat. It is idle, since the seat's slot has just been granted.
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

    /// Reads the control channel and the shared socket until the worker closes them. Dropping the
    /// future may lose part of a frame: the worker must then be ended.
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
