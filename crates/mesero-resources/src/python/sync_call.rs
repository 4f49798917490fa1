//! A call in a worker's thread, and what becomes of its seat when nobody waits any more.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use mesero_http::payload::Stored;
use mesero_process::frame::{Frame, to_worker};

use super::control_channel::CallAddress;
use super::seat::Seat;
use super::stopping::{StopSignal, Stopping};
use super::worker::Worker;
use super::worker_socket::WorkerSocket;

/// A call on a lane. Dropped before its last frame has come, it sees to it that the seat is used by
/// nobody until the thread is free or the process is gone.
pub(super) struct SyncCall {
    socket: Option<WorkerSocket>,
    occupied: Option<OccupiedSeat>,
}

/// What a call in a worker's thread occupies; the attempt holds the slot.
struct OccupiedSeat {
    worker: Arc<Worker>,
    seat: Seat,
    id: u64,
}

impl SyncCall {
    /// Takes the seat's lane, if it is idle.
    pub(super) fn begin(worker: &Arc<Worker>, seat: Seat, id: u64) -> Option<Self> {
        let socket = worker.take_socket(seat.index)?;
        seat.enter(worker, id);
        let occupied = OccupiedSeat { worker: Arc::clone(worker), seat, id };
        Some(Self { socket: Some(socket), occupied: Some(occupied) })
    }

    /// Sends `call` and waits for its answer of one frame; none if the worker went away.
    pub(super) async fn call(mut self, call: Bytes) -> Option<Frame> {
        let socket = self.socket.as_mut()?;
        socket.put(call, None);
        let answer = socket.exchange().await;
        self.end(answer)
    }

    /// Sends a request; its body is sent while [`next`](Self::next) waits.
    pub(super) async fn send(&mut self, bytes: Bytes, file: Option<Arc<Stored>>) -> Option<()> {
        let socket = self.socket.as_mut()?;
        socket.put(bytes, file);
        socket.send().await.ok()
    }

    /// A body follows what was said.
    pub(super) fn open_body(&mut self) {
        if let (Some(socket), Some(occupied)) = (&mut self.socket, &self.occupied) {
            socket.open_body(occupied.id);
        }
    }

    /// Waits for the next frame; none if the worker went away.
    pub(super) async fn next(&mut self, body: &mut Option<Incoming>) -> Option<Frame> {
        self.socket.as_mut()?.next(body).await.ok()
    }

    /// A frame that is there already.
    pub(super) fn ready(&mut self) -> Option<Frame> {
        self.socket.as_mut()?.ready()
    }

    /// The last frame has come, or the worker is gone: the seat can be used again, or is closed.
    pub(super) fn end(mut self, answer: io::Result<Frame>) -> Option<Frame> {
        let (mut socket, occupied) = (self.socket.take()?, self.occupied.take()?);
        // The thread reads over what it did not want; it must find the end.
        socket.end_body(to_worker::BODY_END);
        match answer {
            Ok(frame) if socket.has_unsent() => {
                // Not awaited here: whoever waits may leave, and the thread is busy until then.
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

    /// The caller has all that was announced; the application may still tidy up.
    pub(super) async fn finish(mut self) {
        let Some(socket) = self.socket.as_mut() else { return };
        let answer = socket.finish().await;
        self.end(answer);
    }

    /// Nobody wants the rest of an answer that has begun. Waits until the application has stopped,
    /// or its process is gone.
    pub(super) async fn abandon(mut self) {
        if let (Some(socket), Some(occupied)) = (self.socket.take(), self.occupied.take()) {
            occupied.abandoned(socket, StopSignal::Cancel).await;
        }
    }
}

impl Drop for SyncCall {
    fn drop(&mut self) {
        if let (Some(socket), Some(occupied)) = (self.socket.take(), self.occupied.take()) {
            let tasks = occupied.seat.replica.tasks().clone();
            tasks.spawn(occupied.abandoned(socket, StopSignal::Nothing));
        }
    }
}

impl OccupiedSeat {
    /// The thread is free, or the process gone: the seat can be used again, or is closed.
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

    /// Nobody waits any more: sees the call out, one way or the other.
    async fn abandoned(mut self, mut socket: WorkerSocket, signal: StopSignal) {
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
                // The socket closes before the process is gone, which is what frees the slot.
                replica.lost(&worker);
                worker.gone.cancelled().await;
            }
            answer
        };
        let (answer, escalation) =
            stopping.wait(signal, finished, || self.seat.release_worker()).await;
        self.seat.stopped(stopping.stop(answer.as_ref().ok(), escalation));
        self.end(socket, answer);
    }
}
