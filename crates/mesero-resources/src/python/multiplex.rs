//! An async worker's socket: many calls at once, matched by number.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use mesero::Failure;
use mesero_process::frame::{Frame, to_worker};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use super::orders::Asked;
use super::seat::Seat;
use super::stopping::{Hears, Stopping};
use super::worker::Worker;

/// The calls in an async worker.
#[derive(Debug)]
pub(super) struct Multiplex {
    concurrency: NonZeroUsize,
    /// None once the worker is gone.
    pending: Mutex<Option<HashMap<u64, Pending>>>,
    out: mpsc::Sender<Bytes>,
    /// Taken by the task that runs the socket.
    socket: Mutex<Option<Socket>>,
}

#[derive(Debug)]
struct Socket {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    frames: mpsc::Receiver<Bytes>,
}

/// A call whose task still runs in Python; whoever waited for it may be gone.
#[derive(Debug)]
struct Pending {
    tell: oneshot::Sender<Settled>,
    /// Its slot comes back when the task has ended.
    seat: Seat,
    /// Whoever waits for it waits to see it stop, and wants the seat.
    is_given_up: bool,
}

/// A call that is over.
#[derive(Debug)]
struct Settled {
    /// Its answer; none if the worker is gone.
    frame: Option<Frame>,
    /// Of a call that was given up.
    seat: Option<Seat>,
}

impl Pending {
    fn settle(self, frame: Option<Frame>) {
        // The seat first, unless it is wanted: the task has ended, whether anybody waited or not.
        let seat = self.is_given_up.then_some(self.seat);
        let _ = self.tell.send(Settled { frame, seat });
    }
}

/// How many frames a call can have on their way at once: itself and its cancellation, and the same
/// of the call that had its seat before.
const FRAMES_A_CALL: usize = 4;

impl Multiplex {
    pub(super) fn new(socket: UnixStream, concurrency: NonZeroUsize) -> Self {
        let (out, frames) = mpsc::channel(concurrency.get() * FRAMES_A_CALL);
        let (from, to) = socket.into_split();
        Self {
            concurrency,
            pending: Mutex::new(Some(HashMap::new())),
            out,
            socket: Mutex::new(Some(Socket { from, to, frames })),
        }
    }

    pub(super) fn concurrency(&self) -> NonZeroUsize {
        self.concurrency
    }

    /// Sends a call and waits for its answer; none if the worker went away. Dropping the future
    /// cancels the task in Python; the slot comes back when that has ended.
    pub(super) async fn call(
        self: &Arc<Self>,
        worker: &Arc<Worker>,
        seat: Seat,
        encode: impl FnOnce(u64) -> Result<Bytes, Failure>,
    ) -> Result<Option<Frame>, Failure> {
        let id = worker.next_id();
        let call = encode(id)?;
        let (tell, told) = oneshot::channel();
        seat.enter(worker, id);
        match &mut *self.pending() {
            Some(pending) => pending.insert(id, Pending { tell, seat, is_given_up: false }),
            None => return Ok(None),
        };
        if self.out.try_send(call).is_err() {
            self.settle(id);
            return Ok(None);
        }
        let mut waiting = Waiting { multiplex: self, worker, id, told: Some(told) };
        Ok(waiting.answer().await)
    }

    /// Carries frames both ways until the worker closes the socket.
    pub(super) async fn run(&self) {
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Socket { from, to, frames }) = socket else { return };
        tokio::select! {
            () = self.read(from) => {}
            () = write(to, frames) => {}
        }
    }

    async fn read(&self, mut from: OwnedReadHalf) {
        let mut received = BytesMut::with_capacity(RECEIVE_BYTES);
        while let Ok(1..) = from.read_buf(&mut received).await {
            while let Some(frame) = Frame::decode(&mut received) {
                if let Some(pending) = self.settle(frame.id) {
                    pending.settle(Some(frame));
                }
            }
            received.reserve(RECEIVE_BYTES);
        }
    }

    /// The worker is gone: fails every call that is still in it.
    pub(super) fn abandon(&self) {
        let pending = self.pending().take();
        for pending in pending.into_iter().flat_map(HashMap::into_values) {
            pending.settle(None);
        }
    }

    /// Nobody waits for the call's answer any more; none if it is there, or the worker is gone.
    fn give_up(&self, worker: &Arc<Worker>, id: u64) -> Option<(Stopping, Asked, TaskTracker)> {
        let mut pending = self.pending();
        let call = pending.as_mut()?.get_mut(&id)?;
        call.is_given_up = true;
        let (stopping, asked) = Stopping::begin(worker, &call.seat, id);
        Some((stopping, asked, call.seat.place.tasks().clone()))
    }

    /// Cancels the task, and sees it out.
    async fn stop(
        self: Arc<Self>,
        (stopping, asked): (Stopping, Asked),
        (id, told): (u64, oneshot::Receiver<Settled>),
    ) {
        // Before the task is cancelled: then it is not there any more.
        stopping.show(asked).await;
        if let Ok(cancel) = (Frame { kind: to_worker::CANCEL, id, payload: Bytes::new() }).encode()
        {
            // If the worker is gone, so is the task.
            let _ = self.out.try_send(cancel);
        }
        let let_go = || {
            if let Some(call) = self.pending().as_mut().and_then(|pending| pending.get_mut(&id)) {
                call.seat.let_go();
            }
        };
        let (settled, force) = stopping.wait(Hears::Cancel, told, let_go).await;
        if let Ok(Settled { frame, seat: Some(seat) }) = settled {
            seat.stopped(stopping.stop(frame.as_ref(), force));
        }
    }

    fn settle(&self, id: u64) -> Option<Pending> {
        self.pending().as_mut()?.remove(&id)
    }

    fn pending(&self) -> MutexGuard<'_, Option<HashMap<u64, Pending>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(mut to: OwnedWriteHalf, mut frames: mpsc::Receiver<Bytes>) {
    let mut ready = Vec::new();
    while frames.recv_many(&mut ready, BATCH).await > 0 {
        let joined = match ready.len() {
            1 => ready.pop().unwrap_or_default(),
            _ => ready.drain(..).flatten().collect(),
        };
        if to.write_all(&joined).await.is_err() {
            return;
        }
    }
}

/// How many frames are written by one system call, at most.
const BATCH: usize = 64;

/// Enough for the answers that come at once, in one system call.
const RECEIVE_BYTES: usize = 16 * 1024;

/// A caller that waits for a task in Python. Dropping it is the caller leaving.
struct Waiting<'a> {
    multiplex: &'a Arc<Multiplex>,
    worker: &'a Arc<Worker>,
    id: u64,
    /// None once the call is over.
    told: Option<oneshot::Receiver<Settled>>,
}

impl Waiting<'_> {
    async fn answer(&mut self) -> Option<Frame> {
        let settled = self.told.as_mut()?.await;
        self.told = None;
        settled.ok()?.frame
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let Some(told) = self.told.take() else { return };
        if let Some((stopping, asked, tasks)) = self.multiplex.give_up(self.worker, self.id) {
            let multiplex = Arc::clone(self.multiplex);
            tasks.spawn(multiplex.stop((stopping, asked), (self.id, told)));
        }
    }
}
