//! Answers of the dispatcher, as records.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mesero::{BatchAnswer, Dispatcher, Error, Failure, FailureKind, Phase, Refusal};
use mesero_resources::Reply;

use super::timeout::AdaptiveTimeout;
use crate::input::item::Item;
use crate::output::error::ItemError;
use crate::output::record::{ItemRecord, Traffic};
use crate::output::value::ResultValue;
use crate::scheduler::{ItemHistory, ScheduledItem, Scheduler, Unreached};

/// Turns answers into records, and reports to the scheduler whether the target was reached.
pub(crate) struct AnswerReader<'a> {
    pub(crate) dispatcher: &'a Dispatcher<Reply>,
    pub(crate) scheduler: Scheduler,
    pub(crate) adaptive_timeout: Option<AdaptiveTimeout>,
    /// Whether items wait while the target is unreachable; not if each item has its own server.
    pub(crate) waits_for_target: bool,
}

/// The consequence of an answer.
pub(super) enum AnswerOutcome {
    /// The item has a result.
    Finished(ItemRecord),
    /// The same, and the answer shows that an outage of this duration is over.
    FinishedAfterOutage(ItemRecord, Duration),
    /// The item is called again.
    Postponed,
    /// The same, and with this failure an outage began.
    OutageBegan(Failure),
    /// The item was canceled by the end of the run, and has no result.
    NotFinished,
}

impl AnswerReader<'_> {
    /// Reads an answer, of a run that `is_stopping` or not.
    pub(super) fn read(
        &mut self,
        answer: BatchAnswer<ScheduledItem, Reply>,
        is_stopping: bool,
    ) -> AnswerOutcome {
        let BatchAnswer { input: mut scheduled, result, report, .. } = answer;
        scheduled.history.attempts += report.attempts;
        scheduled.history.queued += report.waited;
        scheduled.history.ran += report.ran;
        let traffic = match report.attempts {
            0 => Traffic::default(),
            _ => Traffic::of(&scheduled.request.body, &result),
        };
        let mut outage = None;
        match &result {
            Err(Error::Failed(failure))
                if failure.kind() == FailureKind::Unreachable && self.waits_for_target =>
            {
                match self.scheduler.target_unreached(&scheduled) {
                    Unreached::Failed => {}
                    Unreached::Postponed => return AnswerOutcome::Postponed,
                    Unreached::OutageBegan => return AnswerOutcome::OutageBegan(failure.clone()),
                }
            }
            Err(Error::Canceled | Error::Shed | Error::Refused(Refusal::Draining))
                if is_stopping =>
            {
                self.scheduler.call_ended();
                return AnswerOutcome::NotFinished;
            }
            Err(
                Error::Canceled
                | Error::Shed
                | Error::Refused(_)
                | Error::Expired { phase: Phase::Queued },
            ) => self.scheduler.call_ended(),
            result => {
                outage = self.scheduler.target_reached();
                if result.is_ok() {
                    self.adapt_timeout(report.ran / report.attempts.max(1));
                }
            }
        }
        let result = result.map(ResultValue::of).map_err(|error| ItemError::of(&error));
        let record = ItemRecord { traffic, ..record(scheduled.item, result, scheduled.history) };
        match outage {
            None => AnswerOutcome::Finished(record),
            Some(duration) => AnswerOutcome::FinishedAfterOutage(record, duration),
        }
    }

    /// Discards an answer whose result cannot be journaled.
    pub(super) fn discard(&self) {
        self.scheduler.call_ended();
    }

    fn adapt_timeout(&mut self, duration: Duration) {
        if let Some(adaptive) = &mut self.adaptive_timeout
            && let Some(timeout) = adaptive.add(duration)
        {
            self.dispatcher.set_timeout(Some(timeout));
        }
    }
}

/// A record of an item that ends now, without traffic.
pub(super) fn record(
    item: Arc<Item>,
    result: Result<ResultValue, ItemError>,
    history: ItemHistory,
) -> ItemRecord {
    let ItemHistory { attempts, queued, ran, .. } = history;
    let traffic = Traffic::default();
    ItemRecord { item, result, attempts, queued, ran, traffic, ended: SystemTime::now() }
}
