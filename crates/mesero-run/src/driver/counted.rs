//! Results count once the journal has them, and a run may be halted by what they say.

use std::sync::Arc;

use super::{Driver, Ending};
use crate::driver::halt::Manner;
use crate::input::Item;
use crate::journal::{Keeping, Kept};
use crate::output::record::Record;

impl Driver<'_> {
    /// An item has its result, which counts as soon as the journal has it.
    pub(super) fn done(&mut self, record: Record) {
        match &mut self.keeping {
            None => self.count(record),
            Some(keeping) => self.intake.unkept(keeping.add(record)),
        }
    }

    /// Counts the next result that the journal has.
    pub(super) fn kept(&mut self) {
        if let Some(record) = self.keeping.as_mut().and_then(Keeping::next) {
            self.intake.kept();
            self.count(record);
        }
    }

    /// An earlier run did an item: its result is given out again, in its place.
    pub(super) fn done_before(&mut self, item: Arc<Item>, at: u64) {
        let Some(keeping) = &self.keeping else { return };
        match keeping.kept(at) {
            Ok(kept) => {
                if kept.input != item.input.json() {
                    self.say(&format!(
                        "item {} has the id `{}`, under which the journal has another input; it counts as done",
                        item.index, item.id
                    ));
                }
                let Kept { result, attempts, queued, ran, traffic, ended, .. } = kept;
                self.earlier(Record { item, result, attempts, queued, ran, traffic, ended });
            }
            Err(why) => {
                self.say(&format!("failed to {why}"));
                if self.ending.is_none() {
                    self.end(Ending::Unread);
                }
            }
        }
    }

    /// What an earlier run left of an item counts, and is given out as soon as it is its turn.
    pub(super) fn earlier(&mut self, record: Record) {
        self.summary.add_earlier(record.status());
        self.progress.show(&self.summary.counts);
        self.in_turn(record);
    }

    /// A result counts, and is given out as soon as it is its turn.
    pub(super) fn count(&mut self, record: Record) {
        self.summary.add(&record, self.service.dispatcher.limit());
        self.progress.show(&self.summary.counts);
        self.in_turn(record);
        if let Some(halt) = self.rules.halt
            && self.ending.is_none()
            && halt.is_due(&self.summary.fresh())
        {
            self.say(&format!("halted: {halt}"));
            self.end(Ending::Halted);
            if halt.manner == Manner::Now {
                self.service.dispatcher.stop();
            }
        }
    }
}
