//! The loop of a run: answers become results, and signals, halts and outages are heard.

mod answered;
mod conclude;
mod counted;
pub(crate) mod halt;
pub(crate) mod retry;
pub(crate) mod timeout;

use std::io;
use std::task::Poll;

use futures_util::FutureExt;
use mesero::{Answers, BatchAnswer, Phase};
use mesero_resources::Reply;
use mesero_services::service::Service;
use mesero_target::Target;
use mesero_terminal::counted::counted;
use mesero_terminal::output::Output;
use mesero_terminal::signals::{Signal, Signals};

use crate::args::OnBadInput;
use crate::driver::halt::HaltRule;
use crate::driver::timeout::AdaptiveTimeout;
use crate::journal::PendingCommits;
use crate::output::format::RecordWriter;
use crate::output::progress::RunProgress;
use crate::output::reorder_buffer::ReorderBuffer;
use crate::output::sink::OutputSink;
use crate::output::summary::RunSummary;
use crate::scheduler::{ScheduledItem, Scheduler, SkippedItem};

/// What a run works with.
pub(crate) struct Driver<'a> {
    pub(crate) service: &'a Service,
    pub(crate) target: &'a Target,
    pub(crate) scheduler: Scheduler,
    pub(crate) rules: RunRules,
    pub(crate) results: OutputSink,
    pub(crate) writer: RecordWriter,
    /// Items that failed, as an input.
    pub(crate) failed: Option<OutputSink>,
    /// Results that the journal does not have yet, where there is one.
    pub(crate) pending_commits: Option<PendingCommits>,
    /// Results that came before their turn, where they are given in order.
    pub(crate) reorder: Option<ReorderBuffer>,
    pub(crate) summary: RunSummary,
    pub(crate) progress: RunProgress,
    pub(crate) output: &'a mut Output,
    pub(crate) stop_reason: Option<StopReason>,
}

/// What was asked for, besides results.
#[derive(Debug)]
pub(crate) struct RunRules {
    pub(crate) halt: Option<HaltRule>,
    pub(crate) on_bad_input: OnBadInput,
    pub(crate) median: Option<AdaptiveTimeout>,
    pub(crate) verbose: bool,
}

/// Why nothing more is taken in.
#[derive(Debug)]
pub(crate) enum StopReason {
    Signal(Signal),
    Halted,
    /// Results, or failed items, cannot be written any more.
    Unwritten(&'static str, io::Error),
    /// The input, or the journal's earlier part, cannot be read on.
    Unread,
}

/// What the loop hears of.
enum LoopEvent {
    Signal(Signal),
    /// None when there is nothing more to wait for.
    Answer(Option<BatchAnswer<ScheduledItem, Reply>>),
    Skipped(SkippedItem),
    Written(&'static str, io::Result<()>),
    /// The journal has more of the results.
    Committed(io::Result<()>),
    /// There is room for a result that the journal has.
    ResultCommitted,
    Finished,
}

/// How many answers are taken between two looks at everything else: few enough for a signal not to wait.
const READY_BATCH: usize = 64;

impl Driver<'_> {
    /// Works until all items are done, or what is left is given up.
    pub(crate) async fn run(
        &mut self,
        mut answers: Answers<ScheduledItem, Reply>,
        signals: &mut Signals,
    ) {
        let mut is_over = false;
        loop {
            match self.next_event(&mut answers, signals, is_over).await {
                LoopEvent::Signal(signal) => {
                    if matches!(self.stop_reason, Some(StopReason::Signal(_))) {
                        self.stop_reason = Some(StopReason::Signal(signal));
                        return self.service.dispatcher.stop();
                    }
                    self.begin_drain(signal);
                }
                LoopEvent::Answer(Some(answer)) => {
                    self.answered(answer);
                    self.take_ready_answers(&mut answers);
                }
                LoopEvent::Answer(None) => is_over = true,
                LoopEvent::Skipped(skipped) => self.skipped(skipped),
                LoopEvent::Written(_, Ok(())) | LoopEvent::Committed(Ok(())) => {}
                LoopEvent::Written(what, Err(error)) => self.write_failed(what, error),
                LoopEvent::ResultCommitted => self.result_committed(),
                LoopEvent::Committed(Err(error)) => self.write_failed(JOURNAL, error),
                LoopEvent::Finished if self.has_reordered() => self.emit_remaining(),
                LoopEvent::Finished => break,
            }
        }
        if let Some(pending_commits) =
            self.pending_commits.as_ref().filter(|pending_commits| !pending_commits.is_broken())
        {
            // Starts that were taken back, after which nothing ended.
            tokio::select! {
                biased;
                settled = pending_commits.journal.flush() => if let Err(error) = settled {
                    let error = io::Error::new(error.kind(), error.to_string());
                    self.stop_reason = Some(StopReason::Unwritten(JOURNAL, error));
                },
                signal = signals.next() => self.stop_reason = Some(StopReason::Signal(signal)),
            }
        }
        for (what, sink) in [(RESULTS, Some(&mut self.results)), (FAILED, self.failed.as_mut())] {
            let Some(sink) = sink else { continue };
            tokio::select! {
                biased;
                closed = sink.close() => if let Err(error) = closed {
                    self.stop_reason = Some(StopReason::Unwritten(what, error));
                },
                // Whoever should read what is left does not.
                signal = signals.next() => self.stop_reason = Some(StopReason::Signal(signal)),
            }
        }
    }

    async fn next_event(
        &mut self,
        answers: &mut Answers<ScheduledItem, Reply>,
        signals: &mut Signals,
        is_over: bool,
    ) -> LoopEvent {
        let (outputs_full, must_wait) = (self.outputs_are_full(), self.must_wait());
        let has_committed =
            self.pending_commits.as_ref().is_some_and(PendingCommits::has_committed);
        let all_committed = self.pending_commits.as_ref().is_none_or(PendingCommits::is_empty);
        let has_journal = self.pending_commits.is_some();
        let (scheduler, failed) =
            (&self.scheduler, self.failed.as_mut().filter(|sink| !sink.is_empty()));
        let has_results = !self.results.is_empty();
        let all_written = !has_results && failed.is_none();
        tokio::select! {
            biased;
            signal = signals.next() => LoopEvent::Signal(signal),
            next_commit = next_commit(self.pending_commits.as_mut()), if has_journal => LoopEvent::Committed(next_commit),
            () = std::future::ready(()), if has_committed && !outputs_full => LoopEvent::ResultCommitted,
            answer = answers.next(), if !is_over && !must_wait => LoopEvent::Answer(answer),
            // After the answers, whose look takes items in; so nobody has to be woken for it.
            skipped = std::future::poll_fn(|_| scheduler.next_skipped().map_or(Poll::Pending, Poll::Ready)), if !must_wait && !outputs_full => {
                LoopEvent::Skipped(skipped)
            }
            // Only when nothing else is at hand, so that much at once is written at once.
            written = self.results.write_buffer(), if has_results => LoopEvent::Written(RESULTS, written),
            written = write_buffer(failed), if !all_written => LoopEvent::Written(FAILED, written),
            () = std::future::ready(()), if is_over && all_committed && all_written => LoopEvent::Finished,
        }
    }

    /// Takes what else is at hand, so that signals, clocks and outputs are looked at once for much at once.
    fn take_ready_answers(&mut self, answers: &mut Answers<ScheduledItem, Reply>) {
        for _ in 0..READY_BATCH {
            if self.must_wait() {
                return;
            }
            // What would wake nobody here is asked again before anybody waits.
            let Some(Some(answer)) = answers.next().now_or_never() else { return };
            self.answered(answer);
        }
    }

    fn outputs_are_full(&self) -> bool {
        self.results.is_full() || self.failed.as_ref().is_some_and(OutputSink::is_full)
    }

    fn must_wait(&self) -> bool {
        // Also while nobody reads the results, what is done reaches the journal.
        self.pending_commits
            .as_ref()
            .map_or_else(|| self.outputs_are_full(), PendingCommits::is_full)
    }

    fn begin_drain(&mut self, signal: Signal) {
        self.end(StopReason::Signal(signal));
        let items = counted(self.service.dispatcher.stats().slots.in_use, "item", "items");
        self.say(&format!("{signal}: finishing the {items} in work; once more stops at once"));
    }

    fn write_failed(&mut self, what: &'static str, error: io::Error) {
        // What is in work can still be kept, unless it is the journal that cannot.
        if what == JOURNAL || self.pending_commits.is_none() {
            self.service.dispatcher.stop();
        }
        self.end(StopReason::Unwritten(what, error));
    }

    /// Takes nothing more in, and gives back what has not begun.
    fn end(&mut self, stop_reason: StopReason) {
        self.stop_reason = Some(stop_reason);
        self.scheduler.stop();
        let dispatcher = &self.service.dispatcher;
        dispatcher.drain();
        for job in dispatcher.jobs() {
            if job.phase == Phase::Queued && job.attempts == 0 {
                dispatcher.cancel(job.info.id);
            }
        }
    }

    fn say(&mut self, text: &str) {
        self.progress.suspend(|| self.output.say(&format!("mesero: {text}")));
    }
}

const JOURNAL: &str = "the journal";
const RESULTS: &str = "the results";
const FAILED: &str = "the items that failed";

async fn next_commit(pending_commits: Option<&mut PendingCommits>) -> io::Result<()> {
    match pending_commits {
        Some(pending_commits) => pending_commits.changed().await,
        None => std::future::pending().await,
    }
}

async fn write_buffer(sink: Option<&mut OutputSink>) -> io::Result<()> {
    match sink {
        Some(sink) => sink.write_buffer().await,
        None => std::future::pending().await,
    }
}
