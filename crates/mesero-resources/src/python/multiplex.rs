//! An async worker's socket: many calls at once, matched by their IDs.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use mesero_process::frame::{Frame, to_worker};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};

/// The socket of an async worker.
#[derive(Debug)]
pub(super) struct Multiplex {
    concurrency: NonZeroUsize,
    /// Senders of answers by call; none once the worker has ended.
    pending: Mutex<Option<HashMap<u64, oneshot::Sender<Frame>>>>,
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

/// Frames that a seat can have in flight: a call and its cancellation, and the same of the call
/// before it.
const FRAMES_PER_CALL: usize = 4;

impl Multiplex {
    pub(super) fn new(socket: UnixStream, concurrency: NonZeroUsize) -> Self {
        let (out, frames) = mpsc::channel(concurrency.get() * FRAMES_PER_CALL);
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

    /// Sends the call of this ID; none if the worker has ended. The answer arrives when the task in
    /// Python has ended; the channel closes without one when the worker ends.
    pub(super) fn send(&self, id: u64, call: Bytes) -> Option<oneshot::Receiver<Frame>> {
        let (tx, rx) = oneshot::channel();
        self.pending().as_mut()?.insert(id, tx);
        if self.out.try_send(call).is_err() {
            self.settle(id);
            return None;
        }
        Some(rx)
    }

    /// Asks the worker to cancel the task of a call. If the worker has ended, so has the task.
    pub(super) fn cancel(&self, id: u64) {
        if let Ok(cancel) = (Frame { kind: to_worker::CANCEL, id, payload: Bytes::new() }).encode()
        {
            let _ = self.out.try_send(cancel);
        }
    }

    /// Carries frames both ways until the worker closes the socket. Dropping the future closes it.
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
                if let Some(tx) = self.settle(frame.id) {
                    let _ = tx.send(frame);
                }
            }
            received.reserve(RECEIVE_BYTES);
        }
    }

    /// Fails all pending calls, since the worker has ended.
    pub(super) fn abandon(&self) {
        self.pending().take();
    }

    fn settle(&self, id: u64) -> Option<oneshot::Sender<Frame>> {
        self.pending().as_mut()?.remove(&id)
    }

    fn pending(&self) -> MutexGuard<'_, Option<HashMap<u64, oneshot::Sender<Frame>>>> {
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

/// Most frames that one system call writes.
const BATCH: usize = 64;

/// Enough for the answers that arrive together, in one system call.
const RECEIVE_BYTES: usize = 16 * 1024;
