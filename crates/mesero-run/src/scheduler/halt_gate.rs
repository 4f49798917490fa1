//! Where a run may halt: whether all that ended was heard of, before anything else is taken.

use std::sync::Arc;
use std::task::Waker;

use futures_util::task::AtomicWaker;
use mesero::{Dispatcher, Event, Fact, Observer};
use mesero_resources::Reply;

/// Wakes whoever waits for a slot that came back.
#[derive(Debug, Clone, Default)]
pub(crate) struct SlotWaker(Arc<AtomicWaker>);

impl Observer for SlotWaker {
    fn observe(&self, event: &Event) {
        if matches!(event.fact, Fact::SlotReturned { .. }) {
            self.0.wake();
        }
    }
}

/// Keeps the queue empty, so that a slot that comes back is taken up only after its item's result was heard.
#[derive(Debug)]
pub(crate) struct HaltGate {
    pub(crate) dispatcher: Dispatcher<Reply>,
    pub(crate) slot_waker: SlotWaker,
}

impl HaltGate {
    /// Whether there is room for one more, with so many called for and so many results that the journal does not have
    /// yet. If not, `waker` is woken when a slot comes back; of results that were heard the driver knows itself.
    ///
    /// An item between two tries occupies no slot and has no result, so it keeps nobody waiting.
    pub(crate) fn has_room(&self, in_flight: usize, uncommitted: usize, waker: &Waker) -> bool {
        // Before the look, so that nothing in between is missed.
        self.slot_waker.0.register(waker);
        let stats = self.dispatcher.stats();
        // Of calls it could not be told: one is in flight until its answer is taken. Items that share a job count as
        // unheard, so that of those too no more are called for than there are slots.
        let unprocessed =
            (in_flight as u64).saturating_sub(stats.jobs.in_flight) + uncommitted as u64;
        stats.slots.in_use + stats.queue.len + unprocessed < self.dispatcher.limit() as u64
    }
}
