//! Results count once the journal has them, and a run may be halted by what they say.

use std::sync::Arc;

use super::{Driver, StopReason};
use crate::driver::halt::HaltMode;
use crate::input::Item;
use crate::journal::{JournaledResult, PendingCommits};
use crate::output::record::ItemRecord;

impl Driver<'_> {
    /// An item has its result, which counts as soon as the journal has it.
    pub(super) fn done(&mut self, record: ItemRecord) {
        match &mut self.pending_commits {
            None => self.count(record),
            Some(pending_commits) => self.scheduler.set_uncommitted(pending_commits.add(record)),
        }
    }

    /// Counts the next result that the journal has.
    pub(super) fn result_committed(&mut self) {
        if let Some(record) = self.pending_commits.as_mut().and_then(PendingCommits::next_committed)
        {
            self.scheduler.result_committed();
            self.count(record);
        }
    }

    /// An earlier run did an item: its result is given out again, in its place.
    pub(super) fn done_before(&mut self, item: Arc<Item>, at: u64) {
        let Some(pending_commits) = &self.pending_commits else { return };
        match pending_commits.read_result(at) {
            Ok(result_committed) => {
                if result_committed.input != item.input.json() {
                    self.say(&format!(
                        "item {} has the id `{}`, under which the journal has another input; it counts as done",
                        item.index, item.id
                    ));
                }
                let JournaledResult { result, attempts, queued, ran, traffic, ended, .. } =
                    result_committed;
                self.earlier(ItemRecord { item, result, attempts, queued, ran, traffic, ended });
            }
            Err(why) => {
                self.say(&format!("failed to {why}"));
                if self.stop_reason.is_none() {
                    self.end(StopReason::Unread);
                }
            }
        }
    }

    /// What an earlier run left of an item counts, and is given out as soon as it is its turn.
    pub(super) fn earlier(&mut self, record: ItemRecord) {
        self.summary.add_earlier(record.status());
        self.progress.show(&self.summary.counts);
        self.emit_in_order(record);
    }

    /// A result counts, and is given out as soon as it is its turn.
    pub(super) fn count(&mut self, record: ItemRecord) {
        self.summary.add(&record, self.service.dispatcher.limit());
        self.progress.show(&self.summary.counts);
        self.emit_in_order(record);
        if let Some(halt) = self.rules.halt
            && self.stop_reason.is_none()
            && halt.is_due(&self.summary.this_run())
        {
            self.say(&format!("halted: {halt}"));
            self.end(StopReason::Halted);
            if halt.mode == HaltMode::CancelRunning {
                self.service.dispatcher.stop();
            }
        }
    }
}
