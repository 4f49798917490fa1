//! A call in a worker's thread.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use mesero_http::payload::Stored;
use mesero_process::frame::{Frame, to_worker};

use super::control_channel::CallAddress;
use super::seat::Seat;
use super::stopping::{CancelSupport, Stopping};
use super::worker::Worker;
use super::worker_socket::WorkerSocket;

/// A call on a worker's socket.
///
/// Dropped before its last frame has arrived, it interrupts the call. A background task then keeps
/// the seat and its slot until the thread is idle, or the process has ended.
pub(super) struct SyncCall {
    socket: Option<WorkerSocket>,
    occupied: Option<OccupiedSeat>,
}

/// The worker and the seat that a call occupies; the seat holds the slot.
struct OccupiedSeat {
    worker: Arc<Worker>,
    seat: Seat,
    id: u64,
}

impl SyncCall {
    /// Takes the seat's socket, if it is idle.
    pub(super) fn begin(worker: &Arc<Worker>, seat: Seat, id: u64) -> Option<Self> {
        let socket = worker.take_socket(seat.index)?;
        seat.enter(worker, id);
        let occupied = OccupiedSeat { worker: Arc::clone(worker), seat, id };
        Some(Self { socket: Some(socket), occupied: Some(occupied) })
    }

    /// Sends `call` and waits for its answer of one frame; none if the worker has ended. Dropping
    /// the future interrupts the call, as dropping `self` does.
    pub(super) async fn call(mut self, call: Bytes) -> Option<Frame> {
        let socket = self.socket.as_mut()?;
        socket.put(call, None);
        let answer = socket.exchange().await;
        self.end(answer)
    }

    /// Sends a request; its body is sent while [`next`](Self::next) waits. None if the worker has
    /// ended.
    pub(super) async fn send(&mut self, bytes: Bytes, file: Option<Arc<Stored>>) -> Option<()> {
        let socket = self.socket.as_mut()?;
        socket.put(bytes, file);
        socket.send().await.ok()
    }

    /// Announces a body after the request.
    pub(super) fn open_body(&mut self) {
        if let (Some(socket), Some(occupied)) = (&mut self.socket, &self.occupied) {
            socket.open_body(occupied.id);
        }
    }

    /// Waits for the next frame; none if the worker has ended. Dropping the future loses nothing.
    pub(super) async fn next(&mut self, body: &mut Option<Incoming>) -> Option<Frame> {
        self.socket.as_mut()?.next(body).await.ok()
    }

    /// Returns a frame that has been received already.
    pub(super) fn ready(&mut self) -> Option<Frame> {
        self.socket.as_mut()?.ready()
    }

    /// Ends the call with its last frame or an error: frees the seat, or closes it.
    pub(super) fn end(mut self, answer: io::Result<Frame>) -> Option<Frame> {
        let (mut socket, occupied) = (self.socket.take()?, self.occupied.take()?);
        // The thread skips the unread body, and needs its end.
        socket.end_body(to_worker::BODY_END);
        match answer {
            Ok(frame) if socket.has_unsent() => {
                // In a task, since the caller may leave, and the thread is busy until then.
                let tasks = occupied.seat.replica.tasks().clone();
                let last = frame.clone();
                tasks.spawn(async move {
                    let sent = socket.send().await;
                    occupied.end(socket, sent.map(|()| frame));
                });
                Some(last)
            }
            answer => occupied.end(socket, answer),
        }
    }

    /// Waits for the end of a call whose announced answer is complete: the application may still
    /// clean up. Dropping the future interrupts the call.
    pub(super) async fn finish(mut self) {
        let Some(socket) = self.socket.as_mut() else { return };
        let answer = socket.finish().await;
        self.end(answer);
    }

    /// Stops a call whose answer has begun. Waits until the application has stopped, or its process
    /// has ended. Run it in a task: dropping the future frees the seat too early.
    pub(super) async fn abandon(mut self) {
        if let (Some(socket), Some(occupied)) = (self.socket.take(), self.occupied.take()) {
            occupied.abandoned(socket, CancelSupport::Cooperative).await;
        }
    }
}

impl Drop for SyncCall {
    fn drop(&mut self) {
        if let (Some(socket), Some(occupied)) = (self.socket.take(), self.occupied.take()) {
            let tasks = occupied.seat.replica.tasks().clone();
            tasks.spawn(occupied.abandoned(socket, CancelSupport::None));
        }
    }
}

impl OccupiedSeat {
    /// Frees the seat if the thread is idle; closes it if the process has ended.
    fn end(self, socket: WorkerSocket, answer: io::Result<Frame>) -> Option<Frame> {
        match answer {
            Ok(frame) => {
                self.worker.put_socket(self.seat.index, socket);
                Some(frame)
            }
            Err(_) => {
                self.seat.replica.lost(&self.worker);
                None
            }
        }
    }

    /// Stops an abandoned call, and ends it.
    async fn abandoned(mut self, mut socket: WorkerSocket, cancel_support: CancelSupport) {
        let (stopping, asked) = Stopping::begin(&self.worker, &self.seat, self.id);
        let call = CallAddress { id: self.id, seat: self.seat.index };
        match self.seat.replica.settings().interrupt {
            Some(_) => self.worker.control_channel.interrupt(call),
            None => self.worker.control_channel.cancel(call),
        }
        socket.end_body(to_worker::BODY_BROKEN);
        stopping.show(asked).await;
        let (replica, worker) = (Arc::clone(&self.seat.replica), Arc::clone(&self.worker));
        let finished = async {
            let finish = async {
                let frame = socket.finish().await?;
                socket.send().await?;
                io::Result::Ok(frame)
            };
            let answer = tokio::select! {
                answer = finish => answer,
                () = worker.gone.cancelled() => Err(io::ErrorKind::UnexpectedEof.into()),
            };
            if answer.is_err() {
                // The socket closes before the process has ended, which is what frees the slot.
                replica.lost(&worker);
                worker.gone.cancelled().await;
            }
            answer
        };
        let (answer, escalation) =
            stopping.wait(cancel_support, finished, || self.seat.release_worker()).await;
        self.seat.stopped(stopping.stop(answer.as_ref().ok(), escalation));
        self.end(socket, answer);
    }
}
