//! The seat of one attempt.

use std::sync::Arc;

use mesero::{Attempt, JobId, Stop};

use super::control_channel::CallAddress;
use super::replica::Replica;
use super::worker::{Lease, Worker};

/// The seat of one attempt, with its slot and a lease of its worker.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) replica: Arc<Replica>,
    /// Index among the replica's seats.
    pub(super) index: usize,
    attempt: Attempt,
    lease: Option<Lease>,
}

impl Seat {
    /// Takes this seat, and leases the replica's present worker.
    pub(super) fn new(replica: Arc<Replica>, index: usize, attempt: Attempt) -> Self {
        let lease = replica.lease();
        Self { replica, index, attempt, lease }
    }

    /// Returns the worker of this attempt, which is not ended while it is leased.
    ///
    /// If the worker was retired just as the slot was granted, this waits for its successor.
    /// Dropping the future has no effect.
    pub(super) async fn worker(&mut self) -> Arc<Worker> {
        let lease = match self.lease.take() {
            Some(lease) => lease,
            None => self.replica.next_lease().await,
        };
        let worker = Arc::clone(lease.worker());
        self.lease = Some(lease);
        worker
    }

    /// Drops the lease and keeps the slot: a retired worker is then ended although this call still
    /// runs.
    pub(super) fn release_worker(&mut self) {
        self.lease = None;
    }

    /// Records that the call of this ID runs in the worker, until the seat is dropped.
    pub(super) fn enter(&self, worker: &Arc<Worker>, id: u64) {
        self.replica.in_flight().enter(self.job(), worker, CallAddress { id, seat: self.index });
    }

    pub(super) fn job(&self) -> JobId {
        self.attempt.job()
    }

    /// Reports that the abandoned call has stopped.
    pub(super) fn stopped(&self, stop: Stop) {
        self.attempt.slot().stopped(stop);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // The slot is freed after this, and only then can another call enter.
        self.replica.in_flight().leave(self.index);
    }
}
