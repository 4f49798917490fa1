//! What an answer, or an item that was never called, comes to: a result, another turn, or nothing.

use std::sync::Arc;
use std::time::SystemTime;

use mesero::{BatchAnswer, Error, FailureKind, Phase, Refusal};
use mesero_resources::Reply;

use super::{Driver, StopReason};
use crate::args::OnBadInput;
use crate::input::{BadInputScope, Item};
use crate::journal::PendingCommits;
use crate::output::record::{ItemError, ItemRecord, ResultValue, Traffic};
use crate::output::summary::format_duration;
use crate::scheduler::{ItemHistory, OutageChange, ScheduledItem, SkippedItem, UnusableItem};

impl Driver<'_> {
    /// Turns an answer into the item's result. An item whose target was away, or which was not wanted any
    /// more, has none.
    pub(super) fn answered(&mut self, answer: BatchAnswer<ScheduledItem, Reply>) {
        let BatchAnswer { input: mut scheduled, result, report, .. } = answer;
        let is_ending = self.stop_reason.is_some();
        scheduled.history.attempts += report.attempts;
        scheduled.history.waited += report.waited;
        scheduled.history.ran += report.ran;
        let traffic = match report.attempts {
            0 => Traffic::default(),
            _ => Traffic::of(&scheduled.request.body, &result),
        };
        if self.pending_commits.as_ref().is_some_and(PendingCommits::is_broken) {
            // Whatever came of it, it cannot be kept.
            return self.scheduler.call_ended();
        }
        let result = match result {
            // Where every item has a server of its own, one that is away says nothing of the others.
            Err(Error::Failed(failure))
                if failure.kind() == FailureKind::Unreachable
                    && !self.target.has_server_per_item() =>
            {
                match self.scheduler.target_unreachable(&scheduled) {
                    Some(OutageChange::Down) => {
                        return self.say(&format!(
                            "the target cannot be reached any more ({failure}); items wait until it can be again"
                        ));
                    }
                    Some(_) => return,
                    None => {}
                }
                Err(Error::Failed(failure))
            }
            // It did not fail: it was not wanted any more.
            Err(Error::Canceled | Error::Shed | Error::Refused(Refusal::Draining)) if is_ending => {
                return self.scheduler.call_ended();
            }
            Err(
                error @ (Error::Canceled
                | Error::Shed
                | Error::Refused(_)
                | Error::Expired { phase: Phase::Queued }),
            ) => {
                self.scheduler.call_ended();
                Err(error)
            }
            result => {
                if let OutageChange::Back(after) = self.scheduler.target_reached() {
                    self.say(&format!(
                        "the target can be reached again, after {}",
                        format_duration(after)
                    ));
                }
                if result.is_ok()
                    && let Some(median) = &mut self.rules.median
                    && let Some(timeout) = median.learn(report.ran / report.attempts.max(1))
                {
                    self.service.dispatcher.set_timeout(Some(timeout));
                }
                result
            }
        };
        let result = result.map(ResultValue::of).map_err(|error| ItemError::of(&error));
        self.done(ItemRecord { traffic, ..record(scheduled.item, result, scheduled.history) });
    }

    /// Turns an item that is not to be called into a result.
    pub(super) fn skipped(&mut self, skipped: SkippedItem) {
        match skipped {
            SkippedItem::Expired(scheduled) => {
                let error = Error::Expired { phase: Phase::Backoff };
                let ScheduledItem { item, history, .. } = *scheduled;
                self.done(record(item, Err(ItemError::of(&error)), history));
            }
            SkippedItem::Done(item, at) => self.done_before(item, at),
            SkippedItem::Unknown(item) => {
                self.earlier(record(item, Err(ItemError::unknown()), ItemHistory::default()));
            }
            SkippedItem::Unusable(UnusableItem { item, bad: why }) => {
                let (stops, stop_reason) = match why.scope {
                    BadInputScope::Input => (true, StopReason::Unread),
                    BadInputScope::Item => {
                        (self.rules.on_bad_input == OnBadInput::Halt, StopReason::Halted)
                    }
                };
                let becomes = if stops { "ends the run" } else { "is passed over" };
                self.say(&format!("item {} {becomes}: {why}", item.index));
                let result = Err(ItemError::of_input(&why));
                match why.scope {
                    BadInputScope::Item => self.done(record(item, result, ItemHistory::default())),
                    // It is no item that a later run could know again.
                    BadInputScope::Input => {
                        self.count(record(item, result, ItemHistory::default()))
                    }
                }
                if stops && self.stop_reason.is_none() {
                    self.end(stop_reason);
                }
            }
        }
    }
}

fn record(
    item: Arc<Item>,
    result: Result<ResultValue, ItemError>,
    history: ItemHistory,
) -> ItemRecord {
    let ItemHistory { attempts, waited: queued, ran, .. } = history;
    let traffic = Traffic::default();
    ItemRecord { item, result, attempts, queued, ran, traffic, ended: SystemTime::now() }
}
