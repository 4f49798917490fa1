//! An async worker's socket: many calls at once, matched by number.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use mesero::Failure;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};

use super::seat::Seat;
use crate::process::frame::{Frame, to_worker};

/// The calls in an async worker.
#[derive(Debug)]
pub(super) struct Multiplex {
    concurrency: NonZeroUsize,
    next: AtomicU64,
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
    tell: oneshot::Sender<Frame>,
    /// Its slot comes back when the task has ended.
    seat: Seat,
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
            next: AtomicU64::new(1),
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
        &self,
        seat: Seat,
        encode: impl FnOnce(u64) -> Result<Bytes, Failure>,
    ) -> Result<Option<Frame>, Failure> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let call = encode(id)?;
        let (tell, told) = oneshot::channel();
        match &mut *self.pending() {
            Some(pending) => pending.insert(id, Pending { tell, seat }),
            None => return Ok(None),
        };
        if self.out.try_send(call).is_err() {
            self.settle(id);
            return Ok(None);
        }
        let mut cancel = CancelOnDrop { multiplex: self, id, answered: false };
        let answer = told.await.ok();
        cancel.answered = true;
        Ok(answer)
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
        let mut received = BytesMut::new();
        while let Ok(1..) = from.read_buf(&mut received).await {
            while let Some(frame) = Frame::decode(&mut received) {
                if let Some(Pending { tell, seat }) = self.settle(frame.id) {
                    // The seat first: the task has ended, whether anybody waited for it or not.
                    drop(seat);
                    let _ = tell.send(frame);
                }
            }
        }
    }

    /// The worker is gone: fails every call that is still in it.
    pub(super) fn abandon(&self) {
        let pending = self.pending().take();
        drop(pending);
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

/// A caller that waits for a task in Python. Dropping it is the caller leaving.
struct CancelOnDrop<'a> {
    multiplex: &'a Multiplex,
    id: u64,
    answered: bool,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if !self.answered {
            let cancel = Frame { kind: to_worker::CANCEL, id: self.id, payload: Bytes::new() };
            if let Ok(cancel) = cancel.encode() {
                // If the worker is gone, so is the task.
                let _ = self.multiplex.out.try_send(cancel);
            }
        }
    }
}
