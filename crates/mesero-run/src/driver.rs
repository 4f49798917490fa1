//! The loop of a run: answers become records, and signals, halts, outages and outputs are handled.

use std::io;
use std::sync::Arc;
use std::task::Poll;

use clap::ValueEnum;
use futures_util::FutureExt;
use mesero::{Answers, BatchAnswer, Dispatcher, Error, Phase};
use mesero_resources::Reply;
use mesero_terminal::exit::Exit;
use mesero_terminal::signals::{Signal, Signals};
use mesero_terminal::units::{plural, with_three_digits};

mod answers;
pub(crate) mod calls;
mod conclude;
mod emitter;
pub(crate) mod halt;
pub(crate) mod pending_commits;
pub(crate) mod retry;
mod stop;
pub(crate) mod timeout;

use crate::input::item::{BadInput, BadInputScope, Item};
use crate::journal::JournaledResult;
use crate::output::console::Console;
use crate::output::error::ItemError;
use crate::output::record::ItemRecord;
use crate::output::summary::RunSummary;
use crate::scheduler::{ItemHistory, ScheduledItem, Scheduler, SkippedItem};
pub(crate) use answers::AnswerReader;
use answers::{AnswerOutcome, record};
use conclude::Conclusion;
pub(crate) use emitter::RecordEmitter;
use emitter::WriteError;
use halt::{HaltMode, HaltRule};
use pending_commits::PendingCommits;
pub(crate) use stop::RunStop;
use stop::{OutputKind, StopReason};

/// The reaction to an entry that is not an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnBadInput {
    /// The entry counts as a failed item
    Skip,
    /// No further item is started
    Halt,
}

/// Runs all items. A result takes one way: [`finished`](Self::finished), where it waits for the journal if there is
/// one, then [`count`](Self::count), then the emitter.
pub(crate) struct Driver<'a> {
    pub(crate) dispatcher: &'a Dispatcher<Reply>,
    pub(crate) scheduler: Scheduler,
    pub(crate) answer_reader: AnswerReader<'a>,
    /// With a journal: results that it has not committed.
    pub(crate) pending_commits: Option<PendingCommits>,
    pub(crate) emitter: RecordEmitter,
    pub(crate) summary: RunSummary,
    pub(crate) console: Console<'a>,
    pub(crate) stop: RunStop<'a>,
    pub(crate) halt_rule: Option<HaltRule>,
    pub(crate) on_bad_input: OnBadInput,
}

/// An event of the loop.
enum LoopEvent {
    Signal(Signal),
    /// An answer; none after the last one.
    Answer(Option<BatchAnswer<ScheduledItem, Reply>>),
    Skipped(SkippedItem),
    OutputWritten(Result<(), WriteError>),
    /// The journal has committed more results, or can no longer be written.
    JournalSynced(io::Result<()>),
    /// The outputs can accept a result that the journal has committed.
    ResultCommitted,
    AllDone,
}

/// The number of answers that are taken before signals and outputs are checked again.
const READY_BATCH: usize = 64;

impl Driver<'_> {
    /// Runs until every item has a printed result, or until the run is stopped and nothing is left to wait for.
    ///
    /// Dropping the future leaves the calls in flight, as clients that disconnect do. Results that were not written are
    /// lost; those in the journal are not.
    pub(crate) async fn run(
        &mut self,
        mut answers: Answers<ScheduledItem, Reply>,
        signals: &mut Signals,
    ) {
        self.emitter.emit_header();
        let mut has_ended = false;
        loop {
            match self.next_event(&mut answers, signals, has_ended).await {
                LoopEvent::Signal(signal) if self.was_interrupted() => {
                    self.stop.reason = Some(StopReason::Signal(signal));
                    return self.dispatcher.stop();
                }
                LoopEvent::Signal(signal) => self.interrupt(signal),
                LoopEvent::Answer(Some(answer)) => {
                    self.answered(answer);
                    self.take_ready_answers(&mut answers);
                }
                LoopEvent::Answer(None) => has_ended = true,
                LoopEvent::Skipped(skipped) => self.skipped(skipped),
                LoopEvent::OutputWritten(Ok(())) | LoopEvent::JournalSynced(Ok(())) => {}
                LoopEvent::OutputWritten(Err(error)) => self.write_failed(error),
                LoopEvent::JournalSynced(Err(error)) => {
                    self.write_failed(WriteError { destination: OutputKind::Journal, error });
                }
                LoopEvent::ResultCommitted => self.result_committed(),
                LoopEvent::AllDone if self.emitter.has_reordered() => {
                    self.emitter.emit_reordered(&mut self.console);
                }
                LoopEvent::AllDone => break,
            }
        }
        self.close(signals).await;
    }

    /// Prints the conclusion of the run, and returns the exit code. A quiet run prints only errors.
    pub(crate) fn conclude(mut self, is_quiet: bool) -> Exit {
        self.console.end_progress();
        let conclusion = Conclusion {
            summary: &self.summary,
            stats: self.dispatcher.stats(),
            taken: self.scheduler.items_taken(),
            unclaimed: self.scheduler.unclaimed(),
            journal: self.pending_commits.as_ref().map(|pending| &*pending.journal),
            stop_reason: self.stop.reason.take(),
        };
        conclusion.print(&mut self.console, is_quiet)
    }

    /// Waits for the next event, the most urgent one first. Dropping the future loses no event.
    async fn next_event(
        &mut self,
        answers: &mut Answers<ScheduledItem, Reply>,
        signals: &mut Signals,
        has_ended: bool,
    ) -> LoopEvent {
        let (is_full, outputs_full) = (self.is_full(), self.emitter.is_full());
        let pending = self.pending_commits.as_ref();
        let has_journal = pending.is_some();
        let has_committed = pending.is_some_and(PendingCommits::has_committed);
        let all_committed = pending.is_none_or(PendingCommits::is_empty);
        let has_lines = self.emitter.has_lines();
        let scheduler = &self.scheduler;
        let next_skipped =
            std::future::poll_fn(|_| scheduler.next_skipped().map_or(Poll::Pending, Poll::Ready));
        tokio::select! {
            biased;
            signal = signals.next() => LoopEvent::Signal(signal),
            synced = synced(self.pending_commits.as_mut()), if has_journal => LoopEvent::JournalSynced(synced),
            () = std::future::ready(()), if has_committed && !outputs_full => LoopEvent::ResultCommitted,
            answer = answers.next(), if !has_ended && !is_full => LoopEvent::Answer(answer),
            // After the answers, whose poll takes items from the feed: that poll's wake-up covers skipped items too.
            skipped = next_skipped, if !is_full && !outputs_full => LoopEvent::Skipped(skipped),
            // Only if nothing else is ready, so that many lines are written together.
            written = self.emitter.write(), if has_lines => LoopEvent::OutputWritten(written),
            () = std::future::ready(()), if has_ended && all_committed && !has_lines => LoopEvent::AllDone,
        }
    }

    /// Takes further answers that are ready, so that signals, timers and outputs are checked once for many of them.
    fn take_ready_answers(&mut self, answers: &mut Answers<ScheduledItem, Reply>) {
        for _ in 0..READY_BATCH {
            if self.is_full() {
                return;
            }
            // A poll without a wake-up: the loop polls again before it waits.
            let Some(Some(answer)) = answers.next().now_or_never() else { return };
            self.answered(answer);
        }
    }

    /// Whether no further answer should be taken for now. With a journal, a slow reader of the results delays no write
    /// to the journal.
    fn is_full(&self) -> bool {
        match &self.pending_commits {
            Some(pending) => pending.is_full(),
            None => self.emitter.is_full(),
        }
    }

    fn answered(&mut self, answer: BatchAnswer<ScheduledItem, Reply>) {
        if self.pending_commits.as_ref().is_some_and(PendingCommits::is_broken) {
            return self.answer_reader.discard();
        }
        match self.answer_reader.read(answer, self.stop.is_stopping()) {
            AnswerOutcome::Finished(record) => self.finished(record),
            AnswerOutcome::FinishedAfterOutage(record, outage) => {
                let outage = with_three_digits(outage);
                self.console.message(&format!("the target can be reached again, after {outage}"));
                self.finished(record);
            }
            AnswerOutcome::OutageBegan(failure) => self.console.message(&format!(
                "the target can no longer be reached ({failure}); items wait until it can be reached again"
            )),
            AnswerOutcome::Postponed | AnswerOutcome::NotFinished => {}
        }
    }

    fn skipped(&mut self, skipped: SkippedItem) {
        match skipped {
            SkippedItem::Expired(scheduled) => {
                let error = ItemError::of(&Error::Expired { phase: Phase::Backoff });
                let ScheduledItem { item, history, .. } = *scheduled;
                self.finished(record(item, Err(error), history));
            }
            SkippedItem::Finished { item, offset } => self.replay(item, offset),
            SkippedItem::Unknown(item) => {
                self.finished_earlier(record(
                    item,
                    Err(ItemError::unknown()),
                    ItemHistory::default(),
                ));
            }
            SkippedItem::Bad { item, bad } => self.bad_input(item, &bad),
        }
    }

    /// Records an entry that is not an item, and halts the run if it must.
    fn bad_input(&mut self, item: Arc<Item>, bad: &BadInput) {
        let is_item = bad.scope == BadInputScope::Item;
        let halts = !is_item || self.on_bad_input == OnBadInput::Halt;
        let consequence = if halts { "ends the run" } else { "is skipped" };
        self.console.message(&format!("item {} {consequence}: {bad}", item.index));
        let record = record(item, Err(ItemError::of_input(bad)), ItemHistory::default());
        if is_item {
            self.finished(record);
        } else {
            // Not in the journal: a later run could not recognize it.
            self.count(record);
        }
        if halts && !self.stop.is_stopping() {
            let reason = if is_item { StopReason::Halted } else { StopReason::ReadFailed };
            self.stop.finish_running(reason);
        }
    }

    /// Prints the journaled result of an item that an earlier run finished.
    fn replay(&mut self, item: Arc<Item>, offset: u64) {
        let Some(pending) = &self.pending_commits else { return };
        match pending.journal.read_result(offset) {
            Ok(journaled) => {
                if journaled.input != item.input.json() {
                    self.console.message(&format!(
                        "item {} has the id `{}`, under which the journal has another input; it counts as finished",
                        item.index, item.id
                    ));
                }
                let JournaledResult { result, attempts, queued, ran, traffic, ended, .. } =
                    journaled;
                let record = ItemRecord { item, result, attempts, queued, ran, traffic, ended };
                self.finished_earlier(record);
            }
            Err(why) => {
                self.console.message(&format!("failed to {why}"));
                if !self.stop.is_stopping() {
                    self.stop.finish_running(StopReason::ReadFailed);
                }
            }
        }
    }

    /// An item has its result, which counts as soon as the journal has committed it.
    fn finished(&mut self, record: ItemRecord) {
        match &mut self.pending_commits {
            None => self.count(record),
            Some(pending) => self.scheduler.set_uncommitted(pending.add(record)),
        }
    }

    fn result_committed(&mut self) {
        if let Some(record) = self.pending_commits.as_mut().and_then(PendingCommits::pop_committed)
        {
            self.scheduler.result_committed();
            self.count(record);
        }
    }

    /// Counts and prints a result of this run, and halts the run if the rule is due.
    fn count(&mut self, record: ItemRecord) {
        self.summary.add(&record, self.dispatcher.limit());
        self.print(record);
        if let Some(rule) = self.halt_rule
            && !self.stop.is_stopping()
            && rule.is_due(&self.summary.this_run())
        {
            self.console.message(&format!("halted: {rule}"));
            match rule.mode {
                HaltMode::FinishRunning => self.stop.finish_running(StopReason::Halted),
                HaltMode::CancelRunning => self.stop.cancel_running(StopReason::Halted),
            }
        }
    }

    /// Counts and prints the result of an item that an earlier run finished or left unknown.
    fn finished_earlier(&mut self, record: ItemRecord) {
        self.summary.add_earlier(record.status());
        self.print(record);
    }

    fn print(&mut self, record: ItemRecord) {
        self.console.show_progress(&self.summary.counts);
        self.emitter.emit(record, &mut self.console);
    }

    fn was_interrupted(&self) -> bool {
        matches!(self.stop.reason, Some(StopReason::Signal(_)))
    }

    fn interrupt(&mut self, signal: Signal) {
        self.stop.finish_running(StopReason::Signal(signal));
        let items = plural(self.dispatcher.stats().slots.in_use, "item", "items");
        self.console
            .message(&format!("{signal}: finishing {items} in flight; repeat to stop at once"));
    }

    fn write_failed(&mut self, WriteError { destination, error }: WriteError) {
        let reason = StopReason::WriteFailed(destination, error);
        // With a journal that can be written, the items in flight finish and are saved.
        if destination == OutputKind::Journal || self.pending_commits.is_none() {
            self.stop.cancel_running(reason);
        } else {
            self.stop.finish_running(reason);
        }
    }

    /// Waits until the journal and the outputs are written. A signal ends the waiting.
    async fn close(&mut self, signals: &mut Signals) {
        if let Some(pending) = self.pending_commits.as_ref().filter(|pending| !pending.is_broken())
        {
            // Retracted starts, which no result follows.
            tokio::select! {
                biased;
                flushed = pending.journal.flush() => if let Err(error) = flushed {
                    let error = io::Error::new(error.kind(), error.to_string());
                    self.stop.reason = Some(StopReason::WriteFailed(OutputKind::Journal, error));
                },
                signal = signals.next() => self.stop.reason = Some(StopReason::Signal(signal)),
            }
        }
        for (destination, sink) in self.emitter.outputs() {
            tokio::select! {
                biased;
                closed = sink.close() => if let Err(error) = closed {
                    self.stop.reason = Some(StopReason::WriteFailed(destination, error));
                },
                // The reader of the output does not read it.
                signal = signals.next() => self.stop.reason = Some(StopReason::Signal(signal)),
            }
        }
    }
}

/// Waits for the journal. Dropping the future has no effect.
async fn synced(pending: Option<&mut PendingCommits>) -> io::Result<()> {
    match pending {
        Some(pending) => pending.wait_for_commits().await,
        None => std::future::pending().await,
    }
}
