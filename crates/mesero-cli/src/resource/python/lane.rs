//! A seat of a sync worker: one socket, one call at a time.

use std::io;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::place::Seat;
use super::worker::Worker;
use crate::process::frame::Frame;

/// The socket to a worker's thread.
#[derive(Debug)]
pub(super) struct Lane {
    socket: UnixStream,
    unsent: Bytes,
    received: BytesMut,
}

impl Lane {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self { socket, unsent: Bytes::new(), received: BytesMut::new() }
    }

    /// Sends what is unsent and waits for the answer. Dropping the future loses nothing: called
    /// again, it goes on where it was.
    async fn exchange(&mut self) -> io::Result<Frame> {
        while !self.unsent.is_empty() {
            let sent = self.socket.write(&self.unsent).await?;
            self.unsent.advance(sent);
        }
        loop {
            if let Some(frame) = Frame::decode(&mut self.received) {
                return Ok(frame);
            }
            if self.socket.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// A call on a lane. Dropped before its answer has come, it sees to it that the seat is used by
/// nobody until the thread is free or the process is gone.
pub(super) struct Exchange {
    lane: Option<Lane>,
    occupation: Option<Occupation>,
}

/// What a call in a worker's thread occupies; the attempt holds the slot.
struct Occupation {
    worker: Arc<Worker>,
    seat: Seat,
}

impl Exchange {
    /// Takes the seat's lane, if it is idle.
    pub(super) fn begin(worker: &Arc<Worker>, seat: Seat) -> Option<Self> {
        let lane = worker.take_lane(seat.lane)?;
        let occupation = Occupation { worker: Arc::clone(worker), seat };
        Some(Self { lane: Some(lane), occupation: Some(occupation) })
    }

    /// Sends `call` and waits for its answer; none if the worker went away.
    pub(super) async fn call(mut self, call: Bytes) -> Option<Frame> {
        let lane = self.lane.as_mut()?;
        lane.unsent = call;
        let answer = lane.exchange().await;
        let (lane, occupation) = (self.lane.take()?, self.occupation.take()?);
        occupation.over(lane, answer)
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
    async fn given_up(self, mut lane: Lane) {
        if self.worker.serves_one_at_a_time() {
            self.seat.place.lost(&self.worker);
            self.worker.unwanted.notify_one();
            self.worker.gone.cancelled().await;
            return;
        }
        let answer = tokio::select! {
            answer = lane.exchange() => answer,
            () = self.worker.gone.cancelled() => Err(io::ErrorKind::UnexpectedEof.into()),
        };
        self.over(lane, answer);
    }
}
