//! A worker's control socket: interrupts, cancellations and stack requests, beside the calls.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mesero_process::frame::{Frame, from_worker, to_worker};
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::loop_watch::LoopWatch;

/// The control socket. The worker exits when it closes.
#[derive(Debug)]
pub(super) struct ControlChannel {
    socket: UnixStream,
    /// Waiting stack requests by call.
    stack_requests: Mutex<HashMap<u64, Vec<oneshot::Sender<String>>>>,
}

/// A call in a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CallAddress {
    /// Unique among the calls of the same worker.
    pub(super) id: u64,
    /// Index of the worker's seat.
    pub(super) seat: usize,
}

/// A worker answers at once, unless native code holds Python's interpreter lock.
const STACK_TIMEOUT: Duration = Duration::from_millis(200);

impl ControlChannel {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self { socket, stack_requests: Mutex::default() }
    }

    /// Interrupts the call, if it still occupies that seat.
    pub(super) fn interrupt(&self, call: CallAddress) {
        self.send_order(to_worker::INTERRUPT, call);
    }

    /// Stops an application at its next output.
    pub(super) fn cancel(&self, call: CallAddress) {
        self.send_order(to_worker::CANCEL, call);
    }

    /// Requests the call's stack. The request is sent when this returns, and so ahead of the next
    /// order.
    pub(super) fn ask_stack(&self, call: CallAddress) -> StackRequest {
        let (tx, rx) = oneshot::channel();
        {
            let mut stack_requests = self.stack_requests();
            // Requests that timed out are removed here.
            stack_requests.retain(|_, senders| {
                senders.retain(|tx| !tx.is_closed());
                !senders.is_empty()
            });
            stack_requests.entry(call.id).or_default().push(tx);
        }
        self.send_order(to_worker::STACK, call);
        StackRequest(rx)
    }

    /// Reads stack answers and reports of a blocked event loop, until the worker closes the socket.
    /// Dropping the future may lose part of a frame: the worker must then be ended.
    pub(super) async fn listen(&self, loop_watch: &LoopWatch) {
        let mut reports = loop_watch.reports();
        let mut received = BytesMut::new();
        while self.receive(&mut received).await.is_ok_and(|count| count > 0) {
            while let Some(frame) = Frame::decode(&mut received) {
                match frame.kind {
                    from_worker::STACK_IS => self.resolve(&frame),
                    from_worker::LOOP_BLOCKED => reports.record(&frame),
                    _ => {}
                }
            }
        }
    }

    fn resolve(&self, frame: &Frame) {
        let stack = String::from_utf8_lossy(&frame.payload);
        for tx in self.stack_requests().remove(&frame.id).unwrap_or_default() {
            let _ = tx.send(stack.trim_end().to_owned());
        }
    }

    /// Ends all stack requests without an answer, since the worker has ended.
    pub(super) fn abandon(&self) {
        self.stack_requests().clear();
    }

    async fn receive(&self, received: &mut BytesMut) -> io::Result<usize> {
        loop {
            self.socket.readable().await?;
            match self.socket.try_read_buf(received) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }

    fn send_order(&self, kind: u8, CallAddress { id, seat }: CallAddress) {
        let payload = Bytes::from(u32::try_from(seat).unwrap_or(u32::MAX).to_le_bytes().to_vec());
        if let Ok(frame) = (Frame { kind, id, payload }).encode() {
            // So few bytes are written entirely or not at all. If they are not written, the worker
            // has stopped reading, and is treated like a call that does not stop.
            let _ = self.socket.try_write(&frame);
        }
    }

    fn stack_requests(&self) -> MutexGuard<'_, HashMap<u64, Vec<oneshot::Sender<String>>>> {
        self.stack_requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stack request that is in flight.
#[derive(Debug)]
pub(super) struct StackRequest(oneshot::Receiver<String>);

impl StackRequest {
    /// Waits for the stack, for a fifth of a second at most; none if the call has ended, or the
    /// worker does not answer. Dropping the future withdraws the request.
    pub(super) async fn answer(self) -> Option<String> {
        let stack = timeout(STACK_TIMEOUT, self.0).await.ok()?.ok()?;
        Some(stack).filter(|stack| !stack.is_empty())
    }
}
