//! The parts of a run, made from the command line.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use mesero::{Answers, Observer};
use mesero_resources::Reply;
use mesero_services::service::Service;
use mesero_target::Target;
use mesero_terminal::output::{Output, stdout};

use crate::args::RunArgs;
use crate::driver::calls::Calls;
use crate::driver::pending_commits::PendingCommits;
use crate::driver::timeout::AdaptiveTimeout;
use crate::driver::{AnswerReader, Driver, OnBadInput, RecordEmitter, RunStop};
use crate::error::RunError;
use crate::input::feed::{Feed, InputSource, ItemTotal};
use crate::journal::{Journal, JournalHeader, JournalMode, OpenedJournal, Replay};
use crate::output::console::Console;
use crate::output::progress::{self, RunProgress};
use crate::output::reorder_buffer::ReorderBuffer;
use crate::output::sink::RecordSink;
use crate::output::summary::{self, RunSummary};
use crate::scheduler::halt_gate::{HaltGate, SlotWaker};
use crate::scheduler::{ScheduledItem, Scheduler, SchedulerConfig};

/// With ordered output: the maximum number of items taken whose records are not printed. Well above common limits, so
/// that a slow item holds back no other, and small enough to keep in memory.
const ORDERED_WINDOW: u64 = 10_000;

/// The outputs of records, which are open before the first call.
pub(crate) struct Outputs {
    results: RecordSink,
    failed: Option<RecordSink>,
}

impl Outputs {
    /// Opens standard output, and the file of failed items if the command line names one.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub(crate) fn open(args: &RunArgs) -> Result<Self, RunError> {
        let results = RecordSink::start(stdout()).map_err(RunError::Io)?;
        let failed = match &args.out.failed {
            Some(path) => {
                let file = File::create(path).map_err(|error| RunError::FailedItems {
                    path: path.display().to_string(),
                    error,
                })?;
                Some(RecordSink::start(file).map_err(RunError::Io)?)
            }
            None => None,
        };
        Ok(Self { results, failed })
    }
}

/// The parts of a run, which together with a service are a driver.
pub(crate) struct RunParts<'a> {
    pub(crate) args: &'a RunArgs,
    pub(crate) target: Arc<Target>,
    /// The deadline of an item, for all its calls together.
    pub(crate) deadline: Option<Duration>,
    pub(crate) journal: Option<Arc<Journal>>,
    pub(crate) replay: Replay,
    pub(crate) feed: Feed,
    pub(crate) outputs: Outputs,
    pub(crate) slot_waker: Option<SlotWaker>,
}

/// A driver, and the answers that it processes.
pub(crate) struct ReadyRun<'a> {
    pub(crate) driver: Driver<'a>,
    pub(crate) answers: Answers<ScheduledItem, Reply>,
}

impl RunParts<'_> {
    /// Connects the parts with the service that is called. No call starts before the answers are polled.
    ///
    /// # Errors
    /// If a histogram cannot be made.
    pub(crate) fn connect<'a>(
        self,
        service: &'a Service,
        output: &'a mut Output,
    ) -> Result<ReadyRun<'a>, RunError> {
        let Self { args, target, deadline, journal, replay, feed, outputs, slot_waker } = self;
        let dispatcher = &service.dispatcher;
        let progress = run_progress(args, feed.total());
        let (scheduler, items) = Scheduler::new(SchedulerConfig {
            feed,
            target: Arc::clone(&target),
            id_field: args.id.clone(),
            window: args.out.ordered.then_some(ORDERED_WINDOW),
            deadline,
            wait_for_target: args.wait_for_target,
            replay,
            rerun_unknown: journal.clone().filter(|_| args.journal.idempotent),
            halt_gate: slot_waker
                .map(|slot_waker| HaltGate { dispatcher: dispatcher.clone(), slot_waker }),
            halts_on_bad_input: args.on_bad_input == OnBadInput::Halt,
        });
        let calls = Calls {
            service,
            target: Arc::clone(&target),
            journal: journal.clone(),
            retry_on: args.policies.retry_on.clone().unwrap_or_default(),
            deadline,
        };
        let answer_reader = AnswerReader {
            dispatcher,
            scheduler: scheduler.clone(),
            adaptive_timeout: adaptive_timeout(args)?,
            waits_for_target: !target.has_server_per_item(),
        };
        let emitter = RecordEmitter {
            format: args.record_format(),
            target,
            results: outputs.results,
            failed: outputs.failed,
            reorder: args.out.ordered.then(ReorderBuffer::default),
            is_verbose: args.out.verbose,
            scheduler: scheduler.clone(),
        };
        let driver = Driver {
            dispatcher,
            scheduler: scheduler.clone(),
            answer_reader,
            pending_commits: journal.map(PendingCommits::new),
            emitter,
            summary: RunSummary::new().map_err(RunError::Histogram)?,
            console: Console::new(progress, output),
            stop: RunStop::new(dispatcher, scheduler),
            halt_rule: args.policies.halt,
            on_bad_input: args.on_bad_input,
        };
        Ok(ReadyRun { driver, answers: calls.answers(items) })
    }
}

/// Opens the journal, if the command line names one.
///
/// # Errors
/// If it cannot be used, or the command line names items beside `--retry-failed`.
pub(crate) fn open_journal(
    args: &RunArgs,
    target: &Target,
) -> Result<Option<OpenedJournal>, RunError> {
    let Some((path, mode)) = args.journal.path_and_mode() else { return Ok(None) };
    if mode == JournalMode::RetryFailed
        && let Some(first) = args.inline_items().first()
    {
        return Err(RunError::Input(format!(
            "take `{first}` as an item: with `--retry-failed` the items are those of the journal"
        )));
    }
    let header =
        JournalHeader::new(target.identity.clone(), args.id.clone(), target.config.clone());
    Journal::open(path, &header, mode).map(Some).map_err(RunError::Journal)
}

/// The inputs of failed items, read from the journal when they are needed.
pub(crate) fn failed_items(journal: &Arc<Journal>, offsets: Vec<u64>) -> InputSource {
    let total = offsets.len() as u64;
    let journal = Arc::clone(journal);
    let entries = Box::new(offsets.into_iter().map(move |offset| journal.read_input(offset)));
    InputSource::Entries { entries, total }
}

/// The observer of a service whose run has a halt rule.
pub(crate) fn observer(slot_waker: Option<&SlotWaker>) -> Option<Box<dyn Observer>> {
    slot_waker.map(|waker| Box::new(waker.clone()) as Box<dyn Observer>)
}

fn run_progress(args: &RunArgs, total: ItemTotal) -> RunProgress {
    if progress::is_useful() && !args.out.quiet && !args.out.verbose {
        RunProgress::shown(total)
    } else {
        RunProgress::hidden(total)
    }
}

/// The timeout that follows the running median, with `--timeout 3x` and the like.
fn adaptive_timeout(args: &RunArgs) -> Result<Option<AdaptiveTimeout>, RunError> {
    let Some(factor) = args.median_factor() else { return Ok(None) };
    let durations = summary::histogram().map_err(RunError::Histogram)?;
    Ok(Some(AdaptiveTimeout::new(factor, durations)))
}
