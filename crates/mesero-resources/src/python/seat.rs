//! Where an attempt is served.

use std::sync::Arc;

use mesero::{Attempt, JobId, Stop};

use super::control_channel::CallAddress;
use super::replica::Replica;
use super::worker::{Lease, Worker};

/// Where an attempt is served; holds its slot, and the worker's process.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) replica: Arc<Replica>,
    /// Which of the place's seats it is.
    pub(super) index: usize,
    attempt: Attempt,
    lease: Option<Lease>,
}

impl Seat {
    /// The seat of this lane, held at the worker that serves at the place now.
    pub(super) fn new(replica: Arc<Replica>, index: usize, attempt: Attempt) -> Self {
        let lease = replica.lease();
        Self { replica, index, attempt, lease }
    }

    /// The worker that serves this attempt, which is not ended as long as the seat is held.
    ///
    /// Where a worker left just as the slot was granted, it waits for the next one to come.
    pub(super) async fn worker(&mut self) -> Arc<Worker> {
        let lease = match self.lease.take() {
            Some(lease) => lease,
            None => self.replica.next_lease().await,
        };
        let worker = Arc::clone(lease.worker());
        self.lease = Some(lease);
        worker
    }

    /// Keeps the slot, and holds the worker's process no longer: a worker that has left is ended
    /// though this call is still in it.
    pub(super) fn release_worker(&mut self) {
        self.lease = None;
    }

    /// The call of this id is in the worker, until the seat is dropped.
    pub(super) fn enter(&self, worker: &Arc<Worker>, id: u64) {
        self.replica.in_flight().enter(self.job(), worker, CallAddress { id, seat: self.index });
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
        self.replica.in_flight().leave(self.index);
    }
}
