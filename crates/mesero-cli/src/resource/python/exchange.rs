//! A call in a worker's thread, and what becomes of its seat when nobody waits any more.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::lane::Lane;
use super::place::Retire;
use super::seat::Seat;
use super::worker::Worker;
use crate::process::frame::{Frame, to_worker};
use crate::resource::payload::Stored;

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

    /// Nobody wants the rest of the answer: the application is stopped where it next says
    /// something, and is given some time to say it.
    pub(super) async fn abandon(mut self) {
        let (Some(lane), Some(occupation)) = (self.lane.as_mut(), &self.occupation) else { return };
        occupation.worker.cancel(occupation.id);
        lane.end_body(to_worker::BODY_BROKEN);
        let grace = occupation.seat.place.grace();
        let answer = match occupation.worker.serves_one_at_a_time() {
            // If it is not over by then, dropping the exchange ends the process.
            true => match timeout(grace, lane.finish()).await {
                Ok(answer) => answer,
                Err(_) => return,
            },
            false => lane.finish().await,
        };
        self.over(answer);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let (Some(lane), Some(occupation)) = (self.lane.take(), self.occupation.take()) {
            let tasks = occupation.seat.place.tasks().clone();
            tasks.spawn(occupation.given_up(lane));
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

    /// Nobody waits any more. A thread cannot be stopped from outside; a process that serves
    /// nobody else can.
    async fn given_up(mut self, mut lane: Lane) {
        if self.worker.serves_one_at_a_time() {
            self.seat.place.retire(&self.worker, Retire::AtOnce);
            self.seat.let_go();
            self.worker.gone.cancelled().await;
            return;
        }
        self.worker.cancel(self.id);
        lane.end_body(to_worker::BODY_BROKEN);
        let finish = async {
            let frame = lane.finish().await?;
            lane.send().await?;
            Ok(frame)
        };
        let answer = tokio::select! {
            answer = finish => answer,
            () = self.worker.gone.cancelled() => Err(io::ErrorKind::UnexpectedEof.into()),
        };
        self.over(lane, answer);
    }
}
