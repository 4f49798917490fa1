//! Items that are called, and items that are skipped.

use std::sync::Arc;
use std::time::Duration;

use mesero_resources::Request;
use tokio::time::Instant;

use crate::input::item::{BadInput, Item};

/// An item to be called.
#[derive(Debug, Clone)]
pub(crate) struct ScheduledItem {
    pub(crate) item: Arc<Item>,
    pub(crate) request: Request,
    pub(crate) history: ItemHistory,
}

/// The earlier calls of an item, which were postponed because the target was unreachable.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ItemHistory {
    /// The time at which the item was scheduled first.
    pub(crate) since: Option<Instant>,
    pub(crate) attempts: u32,
    /// The time in the queue, of all calls together.
    pub(crate) queued: Duration,
    /// The duration of all attempts together.
    pub(crate) ran: Duration,
}

/// An item that is not called.
#[derive(Debug)]
pub(crate) enum SkippedItem {
    /// The entry is not an item, or no request can be made of it.
    Bad { item: Arc<Item>, bad: BadInput },
    /// Its deadline passed while the target was unreachable.
    Expired(Box<ScheduledItem>),
    /// An earlier run finished it: its result is in the journal, in the line at this byte.
    Finished { item: Arc<Item>, offset: u64 },
    /// It was running when an earlier run was killed.
    Unknown(Arc<Item>),
}
