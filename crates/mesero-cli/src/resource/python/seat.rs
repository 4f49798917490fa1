//! Where an attempt is served.

use std::sync::Arc;

use mesero::Attempt;

use super::place::Place;
use super::worker::{Hold, Worker};

/// Where an attempt is served; holds its slot, and the worker's process.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) place: Arc<Place>,
    /// Which of the place's seats it is.
    pub(super) lane: usize,
    #[expect(dead_code, reason = "kept for its slot, which comes back when the seat is dropped")]
    pub(super) attempt: Attempt,
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
}
