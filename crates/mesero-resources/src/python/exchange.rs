//! A call in a worker's thread, and what becomes of its seat when nobody waits any more.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use mesero_http::payload::Stored;
use mesero_process::frame::{Frame, to_worker};

use super::lane::Lane;
use super::orders::CallAt;
use super::seat::Seat;
use super::stopping::{Hears, Stopping};
use super::worker::Worker;

/// A call on a lane. Dropped before its last frame has come, it sees to it that the seat is used by
/// nobody until the thread is free or the process is gone.
pub(super) struct Exchange {
    lane: Option<Lane>,
    occupation: Option<Occupation>,
}

/// What a call in a worker's thread occupies; the attempt holds the slot.
struct Occupation {
    worker: Arc<Worker>,
    seat: Seat,
    id: u64,
}

impl Exchange {
    /// Takes the seat's lane, if it is idle.
    pub(super) fn begin(worker: &Arc<Worker>, seat: Seat, id: u64) -> Option<Self> {
        let lane = worker.take_lane(seat.lane)?;
        seat.enter(worker, id);
        let occupation = Occupation { worker: Arc::clone(worker), seat, id };
        Some(Self { lane: Some(lane), occupation: Some(occupation) })
    }

    /// Sends `call` and waits for its answer of one frame; none if the worker went away.
    pub(super) async fn call(mut self, call: Bytes) -> Option<Frame> {
        let lane = self.lane.as_mut()?;
        lane.put(call, None);
        let answer = lane.exchange().await;
        self.over(answer)
    }

    /// Sends a request; its body is sent while [`next`](Self::next) waits.
    pub(super) async fn say(&mut self, bytes: Bytes, file: Option<Arc<Stored>>) -> Option<()> {
        let lane = self.lane.as_mut()?;
        lane.put(bytes, file);
        lane.send().await.ok()
    }

    /// A body follows what was said.
    pub(super) fn open_body(&mut self) {
        if let (Some(lane), Some(occupation)) = (&mut self.lane, &self.occupation) {
            lane.open_body(occupation.id);
        }
    }

    /// Waits for the next frame; none if the worker went away.
    pub(super) async fn next(&mut self, body: &mut Option<Incoming>) -> Option<Frame> {
        self.lane.as_mut()?.next(body).await.ok()
    }

    /// A frame that is there already.
    pub(super) fn ready(&mut self) -> Option<Frame> {
        self.lane.as_mut()?.ready()
    }

    /// The last frame has come, or the worker is gone: the seat can be used again, or is closed.
    pub(super) fn over(mut self, answer: io::Result<Frame>) -> Option<Frame> {
        let (mut lane, occupation) = (self.lane.take()?, self.occupation.take()?);
        // The thread reads over what it did not want; it must find the end.
        lane.end_body(to_worker::BODY_END);
        match answer {
            Ok(frame) if lane.has_unsent() => {
                // Not awaited here: whoever waits may leave, and the thread is busy until then.
                let tasks = occupation.seat.place.tasks().clone();
                let last = frame.clone();
                tasks.spawn(async move {
                    let sent = lane.send().await;
                    occupation.over(lane, sent.map(|()| frame));
                });
                Some(last)
            }
            answer => occupation.over(lane, answer),
        }
    }

    /// The caller has all that was announced; the application may still tidy up.
    pub(super) async fn finish(mut self) {
        let Some(lane) = self.lane.as_mut() else { return };
        let answer = lane.finish().await;
        self.over(answer);
    }

    /// Nobody wants the rest of an answer that has begun. Waits until the application has stopped,
    /// or its process is gone.
    pub(super) async fn abandon(mut self) {
        if let (Some(lane), Some(occupation)) = (self.lane.take(), self.occupation.take()) {
            occupation.given_up(lane, Hears::Cancel).await;
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let (Some(lane), Some(occupation)) = (self.lane.take(), self.occupation.take()) {
            let tasks = occupation.seat.place.tasks().clone();
            tasks.spawn(occupation.given_up(lane, Hears::Nothing));
        }
    }
}

impl Occupation {
    /// The thread is free, or the process gone: the seat can be used again, or is closed.
    fn over(self, lane: Lane, answer: io::Result<Frame>) -> Option<Frame> {
        match answer {
            Ok(frame) => {
                self.worker.put_lane(self.seat.lane, lane);
                Some(frame)
            }
            Err(_) => {
                self.seat.place.lost(&self.worker);
                None
            }
        }
    }

    /// Nobody waits any more: sees the call out, one way or the other.
    async fn given_up(mut self, mut lane: Lane, hears: Hears) {
        let (stopping, asked) = Stopping::begin(&self.worker, &self.seat, self.id);
        let call = CallAt { id: self.id, lane: self.seat.lane };
        match self.seat.place.settings().interrupt {
            Some(_) => self.worker.orders.interrupt(call),
            None => self.worker.orders.cancel(call),
        }
        lane.end_body(to_worker::BODY_BROKEN);
        stopping.show(asked).await;
        let (place, worker) = (Arc::clone(&self.seat.place), Arc::clone(&self.worker));
        let finished = async {
            let finish = async {
                let frame = lane.finish().await?;
                lane.send().await?;
                io::Result::Ok(frame)
            };
            let answer = tokio::select! {
                answer = finish => answer,
                () = worker.gone.cancelled() => Err(io::ErrorKind::UnexpectedEof.into()),
            };
            if answer.is_err() {
                // The socket closes before the process is gone, which is what frees the slot.
                place.lost(&worker);
                worker.gone.cancelled().await;
            }
            answer
        };
        let (answer, force) = stopping.wait(hears, finished, || self.seat.let_go()).await;
        self.seat.stopped(stopping.stop(answer.as_ref().ok(), force));
        self.over(lane, answer);
    }
}
