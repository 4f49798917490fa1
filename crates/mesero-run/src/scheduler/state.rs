//! The scheduler's state, as synchronous steps.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::item::{ScheduledItem, SkippedItem};
use super::outage::{FAILURES_TO_OUTAGE, Outage};
use crate::journal::Unclaimed;

#[derive(Debug, Default)]
pub(super) struct SchedulerState {
    pub(super) is_stopped: bool,
    /// Items that were called and have no answer yet.
    pub(super) in_flight: usize,
    /// Results that the journal has not committed.
    pub(super) uncommitted: usize,
    /// Items to be called again.
    postponed: VecDeque<ScheduledItem>,
    pub(super) skipped: VecDeque<SkippedItem>,
    /// Items taken from the feed.
    pub(super) taken: u64,
    /// Items of the journal that the input did not contain, known once it has ended.
    pub(super) unclaimed: Option<Unclaimed>,
    /// Results that were printed.
    pub(super) emitted: u64,
    /// Whether the target was ever reached, or is waited for in any case.
    was_reached: bool,
    /// Consecutive failures to reach the target.
    failures: u32,
    pub(super) outage: Option<Outage>,
}

/// The consequence of a call that did not reach the target.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreached {
    /// The item failed: the target was never reached.
    Failed,
    /// The item is called again, unless the scheduler is stopped.
    Postponed,
    /// The same, and with this failure an outage began.
    OutageBegan,
}

impl SchedulerState {
    pub(super) fn new(was_reached: bool) -> Self {
        Self { was_reached, ..Self::default() }
    }

    /// A call reached the target. Returns the duration of the outage that this ends, if there was one.
    pub(super) fn target_reached(&mut self, now: Instant) -> Option<Duration> {
        self.in_flight -= 1;
        self.was_reached = true;
        self.failures = 0;
        self.outage.take().map(|outage| outage.duration(now))
    }

    pub(super) fn target_unreached(&mut self, item: &ScheduledItem, now: Instant) -> Unreached {
        self.in_flight -= 1;
        if !self.was_reached {
            return Unreached::Failed;
        }
        if self.is_stopped {
            return Unreached::Postponed;
        }
        self.postponed.push_back(item.clone());
        self.failures += 1;
        if let Some(outage) = &mut self.outage {
            outage.failed(item.item.index, now);
            return Unreached::Postponed;
        }
        if self.failures < FAILURES_TO_OUTAGE {
            return Unreached::Postponed;
        }
        self.outage = Some(Outage::new(now));
        Unreached::OutageBegan
    }

    /// Removes the next postponed item. Items whose deadline has passed are skipped.
    pub(super) fn next_postponed(&mut self, deadline: Option<Duration>) -> Option<ScheduledItem> {
        while let Some(scheduled) = self.postponed.pop_front() {
            match (scheduled.history.since, deadline) {
                (Some(since), Some(deadline)) if since.elapsed() >= deadline => {
                    self.skipped.push_back(SkippedItem::Expired(Box::new(scheduled)));
                }
                _ => return Some(scheduled),
            }
        }
        None
    }

    /// Counts an item as called; during an outage, it is the probe.
    pub(super) fn start(&mut self, mut scheduled: ScheduledItem) -> ScheduledItem {
        self.in_flight += 1;
        scheduled.history.since.get_or_insert_with(Instant::now);
        if let Some(outage) = &mut self.outage {
            outage.probe = Some(scheduled.item.index);
        }
        scheduled
    }
}
