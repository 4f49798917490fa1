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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mesero_config::PolicyFlags;
    use mesero_target::item::ItemInput;
    use mesero_target::{BodyOption, RequestFlags, Target, TargetArgs, TargetOptions};

    use super::*;
    use crate::input::item::Item;
    use crate::scheduler::item::ItemHistory;

    fn scheduled(index: u64) -> ScheduledItem {
        let options = TargetOptions {
            name: Some("stub:"),
            command: &[],
            is_repetition: false,
            request: RequestFlags { method: None, headers: &[], body: BodyOption::Nothing },
            target: &TargetArgs::default(),
            policy: PolicyFlags::default(),
        };
        let (target, _) = Target::read(&options).unwrap();
        let input = ItemInput::Number(0);
        let request = target.request(&input).unwrap();
        let item = Arc::new(Item { index, id: index.to_string(), input });
        ScheduledItem { item, request, history: ItemHistory::default() }
    }

    #[test]
    fn a_target_that_was_never_reached_fails_its_items() {
        let mut state = SchedulerState::new(false);
        let item = state.start(scheduled(0));
        assert_eq!(state.target_unreached(&item, Instant::now()), Unreached::Failed);
        assert!(state.next_postponed(None).is_none());
    }

    #[test]
    fn three_failures_in_a_row_are_an_outage_and_a_call_that_reaches_the_target_ends_it() {
        let mut state = SchedulerState::new(true);
        let now = Instant::now();
        let items: Vec<_> = (0..3).map(|index| state.start(scheduled(index))).collect();
        let consequences: Vec<_> =
            items.iter().map(|item| state.target_unreached(item, now)).collect();
        let expected = [Unreached::Postponed, Unreached::Postponed, Unreached::OutageBegan];
        assert_eq!((consequences.as_slice(), state.in_flight), (&expected[..], 0));

        let postponed = state.next_postponed(None).unwrap();
        let probe = state.start(postponed);
        assert_eq!((probe.item.index, state.outage.as_ref().unwrap().probe), (0, Some(0)));
        let later = now + Duration::from_secs(7);
        assert_eq!(state.target_reached(later), Some(Duration::from_secs(7)));
    }
}
