//! The gate of runs with `--halt`: no item starts before the results of the items that ended are counted.

use std::sync::Arc;
use std::task::Waker;

use futures_util::task::AtomicWaker;
use mesero::{Dispatcher, Event, Fact, Observer};
use mesero_resources::Reply;

/// Wakes the stream of scheduled items when a slot is returned.
#[derive(Debug, Clone, Default)]
pub(crate) struct SlotWaker(Arc<AtomicWaker>);

impl Observer for SlotWaker {
    fn observe(&self, event: &Event) {
        if matches!(event.fact, Fact::SlotReturned { .. }) {
            self.0.wake();
        }
    }
}

/// Keeps the dispatcher's queue empty, so that a returned slot is used again only after the result of its item is
/// counted.
#[derive(Debug)]
pub(crate) struct HaltGate {
    pub(crate) dispatcher: Dispatcher<Reply>,
    pub(crate) slot_waker: SlotWaker,
}

impl HaltGate {
    /// Whether one more item may be called, with `in_flight` items called and `uncommitted` results that the journal
    /// has not committed. If not, `waker` is woken when a slot is returned; after counting a result, the driver polls
    /// again by itself.
    ///
    /// An item in backoff has neither slot nor result, and holds back no other.
    pub(super) fn has_room(&self, in_flight: usize, uncommitted: usize, waker: &Waker) -> bool {
        // Registered before the check, so that no slot that is returned in between is missed.
        self.slot_waker.0.register(waker);
        let stats = self.dispatcher.stats();
        // The dispatcher's calls would not show this: a call is in flight until its answer is taken. Items that share a
        // job count as unprocessed, so that no more of them are called than there are slots.
        let unprocessed =
            (in_flight as u64).saturating_sub(stats.jobs.in_flight) + uncommitted as u64;
        stats.slots.in_use + stats.queue.len + unprocessed < self.dispatcher.limit() as u64
    }
}
