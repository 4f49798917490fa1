//! The settings of a scheduler, and the making of requests.

use std::sync::Arc;
use std::time::Duration;

use mesero_target::Target;
use mesero_target::item::ItemInput;

use super::halt_gate::HaltGate;
use super::item::{ItemHistory, ScheduledItem, SkippedItem};
use crate::input::feed::Feed;
use crate::input::item::{BadInput, BadInputScope, EntryResult, InputEntry, Item};
use crate::journal::{EarlierOutcome, Journal, Replay};

/// The settings of a scheduler.
#[derive(Debug)]
pub(crate) struct SchedulerConfig {
    pub(crate) feed: Feed,
    pub(crate) target: Arc<Target>,
    pub(crate) id_field: String,
    /// With ordered output: the maximum number of items taken whose results are not printed.
    pub(crate) window: Option<u64>,
    /// The deadline of an item, for all its calls together.
    pub(crate) deadline: Option<Duration>,
    /// Whether to wait for a target that was never reached.
    pub(crate) wait_for_target: bool,
    /// The items of earlier runs.
    pub(crate) replay: Replay,
    /// The journal, if unknown items run again: it has their starts.
    pub(crate) rerun_unknown: Option<Arc<Journal>>,
    /// The gate, if results may halt the run.
    pub(crate) halt_gate: Option<HaltGate>,
    /// Whether a bad input halts the run.
    pub(crate) halts_on_bad_input: bool,
}

/// Skipped items that may wait for the driver.
const MAX_SKIPPED: usize = 64;

impl SchedulerConfig {
    /// The number of skipped items from which on no item is taken: 1 if each of them may halt the run.
    pub(super) fn max_skipped(&self) -> usize {
        if self.halt_gate.is_some() || self.halts_on_bad_input { 1 } else { MAX_SKIPPED }
    }

    /// Makes a request of an entry, unless the item was run already or the entry is unusable.
    pub(super) fn schedule(
        &mut self,
        index: u64,
        entry: EntryResult,
    ) -> Result<ScheduledItem, SkippedItem> {
        let (line, input, bad) = match entry {
            Ok(InputEntry { line, input }) => (line, input, None),
            Err(bad) => (bad.line, ItemInput::Text(bad.text.clone()), Some(bad)),
        };
        let id = input.id(&self.id_field, &self.target.identity);
        let item = Arc::new(Item { index, id, input });
        // An unreadable rest of the input is not an item that an earlier run could have finished.
        let is_item = bad.as_ref().is_none_or(|bad| bad.scope == BadInputScope::Item);
        match is_item.then(|| self.replay.claim(&item.id)).flatten() {
            Some(EarlierOutcome::Finished(offset)) => {
                return Err(SkippedItem::Finished { item, offset });
            }
            Some(EarlierOutcome::Unknown) => match &self.rerun_unknown {
                Some(journal) => journal.adopt_start(index),
                None => return Err(SkippedItem::Unknown(item)),
            },
            None => {}
        }
        if let Some(bad) = bad {
            return Err(SkippedItem::Bad { item, bad });
        }
        match self.target.request(&item.input) {
            Ok(request) => Ok(ScheduledItem { item, request, history: ItemHistory::default() }),
            Err(why) => {
                let scope = BadInputScope::Item;
                let bad = BadInput { line, text: String::new(), why, scope };
                Err(SkippedItem::Bad { item, bad })
            }
        }
    }
}
