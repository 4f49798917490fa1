//! Where an attempt is served.

use std::sync::Arc;

use mesero::{Attempt, JobId, Stop};

use super::orders::CallAt;
use super::replica::Place;
use super::worker::{Hold, Worker};

/// Where an attempt is served; holds its slot, and the worker's process.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) place: Arc<Place>,
    /// Which of the place's seats it is.
    pub(super) lane: usize,
    attempt: Attempt,
    hold: Option<Hold>,
}

impl Seat {
    /// The seat of this lane, held at the worker that serves at the place now.
    pub(super) fn new(place: Arc<Place>, lane: usize, attempt: Attempt) -> Self {
        let hold = place.hold();
        Self { place, lane, attempt, hold }
    }

    /// The worker that serves this attempt, which is not ended as long as the seat is held.
    ///
    /// Where a worker left just as the slot was granted, it waits for the next one to come.
    pub(super) async fn worker(&mut self) -> Arc<Worker> {
        let hold = match self.hold.take() {
            Some(hold) => hold,
            None => self.place.next_hold().await,
        };
        let worker = Arc::clone(hold.worker());
        self.hold = Some(hold);
        worker
    }

    /// Keeps the slot, and holds the worker's process no longer: a worker that has left is ended
    /// though this call is still in it.
    pub(super) fn let_go(&mut self) {
        self.hold = None;
    }

    /// The call of this id is in the worker, until the seat is dropped.
    pub(super) fn enter(&self, worker: &Arc<Worker>, id: u64) {
        self.place.calls().enter(self.job(), worker, CallAt { id, lane: self.lane });
    }

    pub(super) fn job(&self) -> JobId {
        self.attempt.job()
    }

    /// The call was given up, and has really stopped.
    pub(super) fn stopped(&self, stop: Stop) {
        self.attempt.slot().stopped(stop);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // The slot comes back after this, and only then can another call enter here.
        self.place.calls().leave(self.lane);
    }
}
