//! What an answer, or an item that was never called, comes to: a result, another turn, or nothing.

use std::sync::Arc;
use std::time::SystemTime;

use mesero::{BatchAnswer as Answered, Error, FailureKind, Phase, Refusal};
use mesero_resources::Reply;

use super::{Driver, Ending};
use crate::args::OnBadInput;
use crate::input::{Item, Severity};
use crate::journal::Keeping;
use crate::output::record::{Record, Traffic, Trouble, Value};
use crate::output::summary::in_words;
use crate::scheduler::{Aside, Bad, News, Past, Turn};

impl Driver<'_> {
    /// Turns an answer into the item's result. An item whose target was away, or which was not wanted any
    /// more, has none.
    pub(super) fn answered(&mut self, answer: Answered<Turn, Reply>) {
        let Answered { input: mut turn, result, report, .. } = answer;
        let is_ending = self.ending.is_some();
        turn.past.attempts += report.attempts;
        turn.past.waited += report.waited;
        turn.past.ran += report.ran;
        let traffic = match report.attempts {
            0 => Traffic::default(),
            _ => Traffic::of(&turn.order.body, &result),
        };
        if self.keeping.as_ref().is_some_and(Keeping::is_broken) {
            // Whatever came of it, it cannot be kept.
            return self.intake.settled();
        }
        let result = match result {
            // Where every item has a server of its own, one that is away says nothing of the others.
            Err(Error::Failed(failure))
                if failure.kind() == FailureKind::Unreachable
                    && !self.target.has_server_per_item() =>
            {
                match self.intake.unreached(&turn) {
                    Some(News::Down) => {
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
                return self.intake.settled();
            }
            Err(
                error @ (Error::Canceled
                | Error::Shed
                | Error::Refused(_)
                | Error::Expired { phase: Phase::Queued }),
            ) => {
                self.intake.settled();
                Err(error)
            }
            result => {
                if let News::Back(after) = self.intake.answered() {
                    self.say(&format!(
                        "the target can be reached again, after {}",
                        in_words(after)
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
        let result = result.map(Value::of).map_err(|error| Trouble::of(&error));
        self.done(Record { traffic, ..record(turn.item, result, turn.past) });
    }

    /// Turns an item that is not to be called into a result.
    pub(super) fn aside(&mut self, aside: Aside) {
        match aside {
            Aside::Expired(turn) => {
                let error = Error::Expired { phase: Phase::Backoff };
                let Turn { item, past, .. } = *turn;
                self.done(record(item, Err(Trouble::of(&error)), past));
            }
            Aside::Done(item, at) => self.done_before(item, at),
            Aside::Unknown(item) => {
                self.earlier(record(item, Err(Trouble::unknown()), Past::default()));
            }
            Aside::Bad(Bad { item, why }) => {
                let (stops, ending) = match why.severity {
                    Severity::Input => (true, Ending::Unread),
                    Severity::Item => (self.rules.on_bad_input == OnBadInput::Halt, Ending::Halted),
                };
                let becomes = if stops { "ends the run" } else { "is passed over" };
                self.say(&format!("item {} {becomes}: {why}", item.index));
                let result = Err(Trouble::of_input(&why));
                match why.severity {
                    Severity::Item => self.done(record(item, result, Past::default())),
                    // It is no item that a later run could know again.
                    Severity::Input => self.count(record(item, result, Past::default())),
                }
                if stops && self.ending.is_none() {
                    self.end(ending);
                }
            }
        }
    }
}

fn record(item: Arc<Item>, result: Result<Value, Trouble>, past: Past) -> Record {
    let Past { attempts, waited: queued, ran, .. } = past;
    let traffic = Traffic::default();
    Record { item, result, attempts, queued, ran, traffic, ended: SystemTime::now() }
}
