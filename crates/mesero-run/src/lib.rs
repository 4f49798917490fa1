//! `mesero run`: items in, one record for each, as each is done.

#![forbid(unsafe_code)]

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;

use mesero::{Answers, Attempt, Failure, FailureKind, Observer};
use mesero_config::PolicySettings;
use mesero_process::spawner::Spawner;
use mesero_resources::Reply;
use mesero_services::assemble::{self, AssembleError};
use mesero_services::service::Service;
use mesero_target::{Target, TargetError};
use mesero_terminal::command_error::CommandError;
use mesero_terminal::exit::Exit;
use mesero_terminal::output::{Output, stdout};
use mesero_terminal::signals::Signals;

mod args;
mod control_server;
mod driver;
mod input;
mod journal;
mod output;
mod scheduler;

use crate::output::format::RecordWriter;
use crate::output::progress::{self, RunProgress};
use crate::output::reorder_buffer::ReorderBuffer;
use crate::output::sink::OutputSink;
use crate::output::summary::{self, RunSummary};
use args::OnBadInput;
pub use args::RunArgs;
use control_server::ControlServer;
use driver::timeout::AdaptiveTimeout;
use driver::{Driver, RunRules};
use input::feed::{Feed, InputSource};
use input::reader::InputFormat;
use journal::{
    Journal, JournalError, JournalHeader, JournalMode, OpenedJournal, PendingCommits, Replay,
};
use scheduler::{HaltGate, ScheduledItem, ScheduledItems, Scheduler, SchedulerConfig, SlotWaker};

/// How far the input may be ahead of results that come in order: well above any limit that is usual, so that one slow
/// item does not keep the others waiting, and small enough to be kept.
const ORDERED_WINDOW: u64 = 10_000;

/// The longest answer that is kept until its record is written.
const MAX_VALUE_BYTES: usize = 16 * 1024 * 1024;

/// Runs all items, and says how it went.
///
/// # Errors
/// If it could not begin: nothing was called then.
pub async fn run(args: RunArgs, output: &mut Output) -> Result<Exit, RunError> {
    let mut signals = Signals::listen().map_err(RunError::Io)?;
    let (target, resource) = Target::read(&args.target_options()).map_err(RunError::Target)?;
    if args.wait_for_target && target.has_server_per_item() {
        let target = args.words.first().cloned().unwrap_or_default();
        return Err(RunError::Target(TargetError::ServerPerItem { target }));
    }
    let target = Arc::new(target);
    let opened = open(&args, &target)?;
    let is_retry = opened.as_ref().is_some_and(|(_, mode)| *mode == JournalMode::RetryFailed);
    let (journal, mut replay) = match opened {
        None => (None, Replay::default()),
        Some((OpenedJournal { journal, replay, config_changed }, _)) => {
            if config_changed {
                output.say(
                    "mesero: the target's configuration has changed since the journal began: what is done stays as it \
                     is, and the rest is done with the new one",
                );
            }
            (Some(Arc::new(journal)), replay)
        }
    };
    let source = match &journal {
        Some(journal) if is_retry => {
            let failed = std::mem::take(&mut replay).failed();
            if failed.is_empty() {
                output.say("mesero: there was nothing to do: no item of the journal has failed");
                return Ok(Exit::Fine);
            }
            InputSource::Journal(Arc::clone(journal), failed)
        }
        _ => source(&args),
    };
    let names = target.names();
    let feed = tokio::select! {
        feed = Feed::open(source, &names) => feed.map_err(RunError::Input)?,
        signal = signals.next() => return Ok(signal.exit()),
    };
    let results = OutputSink::start(stdout()).map_err(RunError::Io)?;
    let failed = match &args.out.failed {
        Some(path) => {
            let file = File::create(path);
            let file = file.map_err(|error| RunError::Failed(path.display().to_string(), error))?;
            Some(OutputSink::start(file).map_err(RunError::Io)?)
        }
        None => None,
    };
    let spawner = Spawner::start().map_err(RunError::Io)?;
    let slot_waker = args.policies.halt.map(|_| SlotWaker::default());
    let observer = slot_waker.clone().map(|slot_waker| Box::new(slot_waker) as Box<dyn Observer>);
    let service = tokio::select! {
        service = assemble::service(&resource, &spawner, observer) => service.map_err(RunError::Assemble)?,
        signal = signals.next() => return Ok(signal.exit()),
    };
    let control = ControlServer::start(args.policies.control.as_deref(), &service, output).await?;

    let total = feed.total();
    let config = SchedulerConfig {
        feed,
        target: Arc::clone(&target),
        id_field: args.id.clone(),
        window: args.out.ordered.then_some(ORDERED_WINDOW),
        deadline: resource.policy.deadline,
        wait_for_target: args.wait_for_target,
        replay,
        rerun_unknown: journal.clone().filter(|_| args.journal.idempotent),
        halt_gate: slot_waker
            .map(|slot_waker| HaltGate { dispatcher: service.dispatcher.clone(), slot_waker }),
        may_halt_on_bad_input: args.on_bad_input == OnBadInput::Halt,
    };
    let (scheduler, scheduled_items) = Scheduler::new(config);
    let work = (&target, journal.clone());
    let answers = answers(&service, (scheduled_items, work), (&args, &resource.policy));
    let median =
        args.median_factor().map(|factor| Ok(AdaptiveTimeout::new(factor, summary::histogram()?)));
    let median = median.transpose().map_err(RunError::Histogram)?;
    let shown = progress::is_visible() && !args.out.quiet && !args.out.verbose;
    let mut driver = Driver {
        service: &service,
        target: &target,
        scheduler,
        rules: RunRules {
            halt: args.policies.halt,
            on_bad_input: args.on_bad_input,
            median,
            verbose: args.out.verbose,
        },
        results,
        writer: RecordWriter::new(args.form()),
        failed,
        pending_commits: journal.map(PendingCommits::new),
        reorder: args.out.ordered.then(ReorderBuffer::default),
        summary: RunSummary::new().map_err(RunError::Histogram)?,
        progress: RunProgress::new(total, shown),
        output,
        stop_reason: None,
    };
    driver.begin();
    driver.run(answers, &mut signals).await;
    driver.progress.end();
    let exit = driver.exit(args.out.quiet);
    if !matches!(exit, Exit::Interrupted | Exit::Terminated) {
        tokio::select! {
            () = service.resource.stop() => {}
            // What is left of it dies with this process.
            signal = signals.next() => return Ok(signal.exit()),
        }
    }
    control.stop().await;
    Ok(exit)
}

/// The stream of answers: a call for each turn, of which only answers that are good count as values.
fn answers(
    service: &Service,
    (scheduled_items, (target, journal)): (ScheduledItems, (&Arc<Target>, Option<Arc<Journal>>)),
    (args, policy): (&RunArgs, &PolicySettings),
) -> Answers<ScheduledItem, Reply> {
    let retry_on = Arc::new(args.policies.retry_on.clone().unwrap_or_default());
    let resource = Arc::clone(&service.resource);
    let work = move |scheduled: ScheduledItem, attempt: Attempt| {
        let (resource, retry_on) = (Arc::clone(&resource), Arc::clone(&retry_on));
        let journal = journal.clone();
        async move {
            let ScheduledItem { item, request, .. } = scheduled;
            let is_first = match &journal {
                None => false,
                // The slot is held meanwhile: what is in the journal as begun is no more than what may have begun.
                Some(journal) => journal
                    .record_start(&item)
                    .await
                    .map_err(|error| journal_write_failed(&error))?,
            };
            let judged = async {
                // Within the attempt, so that its time and its slot cover the whole answer.
                let reply =
                    resource.attempt(request, attempt).await?.gathered(MAX_VALUE_BYTES).await?;
                retry_on.judge(reply)
            };
            let result = judged.await;
            if let (Some(journal), Err(failure)) = (&journal, &result)
                && is_first
                && failure.kind() == FailureKind::Unreachable
            {
                journal.retract_start(&item);
            }
            result.map_err(|failure: Failure| retry_on.advise(failure))
        }
    };
    let (target, shares, deadline) = (Arc::clone(target), service.shares, policy.deadline);
    let call = move |scheduled: &ScheduledItem| {
        let key = shares.then(|| scheduled.item.input.json());
        let call = target.call(&scheduled.item.input, key.as_deref());
        match (scheduled.history.since, deadline) {
            // What is left of the time that it had from its first turn on.
            (Some(since), Some(deadline)) if scheduled.history.attempts > 0 => {
                call.deadline(deadline.saturating_sub(since.elapsed()))
            }
            _ => call,
        }
    };
    service.dispatcher.call_stream(scheduled_items, call, work)
}

/// Opens the journal, if one is named.
fn open(args: &RunArgs, target: &Target) -> Result<Option<(OpenedJournal, JournalMode)>, RunError> {
    let Some((path, mode)) = args.journal.path_and_mode() else { return Ok(None) };
    if mode == JournalMode::RetryFailed && !args.inline_items().is_empty() {
        let first = args.inline_items().first().cloned().unwrap_or_default();
        return Err(RunError::Input(format!(
            "take `{first}` as an item: with `--retry-failed` the items are those of the journal"
        )));
    }
    let header =
        JournalHeader::new(target.identity.clone(), args.id.clone(), target.config.clone());
    let opened = Journal::open(path, &header, mode).map_err(RunError::Journal)?;
    Ok(Some((opened, mode)))
}

/// The journal cannot be written any more, so that nothing may begin; the run ends.
fn journal_write_failed(error: &io::Error) -> Failure {
    Failure::raised(format!("the journal cannot be written: {error}"))
}

/// Where items come from.
fn source(args: &RunArgs) -> InputSource {
    if let Some(times) = args.times {
        return InputSource::Repeated(times);
    }
    if !args.inline_items().is_empty() {
        return InputSource::Words(args.inline_items().to_vec());
    }
    let path = args.input.clone().filter(|path| path.as_os_str() != "-");
    let by_name = path.as_deref().map_or(InputFormat::Lines, InputFormat::of);
    InputSource::File { path, format: args.format_in.unwrap_or(by_name) }
}

impl Driver<'_> {
    /// Writes what stands above all results.
    fn begin(&mut self) {
        if let Some(header) = self.writer.header() {
            self.results.line(&header);
        }
    }
}

/// The error that prevents or ends a run. Continues "failed to".
#[derive(Debug)]
pub enum RunError {
    Target(TargetError),
    Input(String),
    Failed(String, io::Error),
    ControlServer(String),
    Journal(JournalError),
    Assemble(AssembleError),
    Histogram(hdrhistogram::CreationError),
    Io(io::Error),
}

impl From<RunError> for CommandError {
    fn from(error: RunError) -> Self {
        match error {
            // The message of a configuration is complete.
            RunError::Target(TargetError::Config(error)) => error.into(),
            error => CommandError::failed_to(error),
        }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Target(error) => error.fmt(f),
            RunError::Input(why) => f.write_str(why),
            RunError::Failed(path, error) => {
                write!(f, "write the items that fail to `{path}`: {error}")
            }
            RunError::ControlServer(why) => f.write_str(why),
            RunError::Assemble(error) => error.fmt(f),
            RunError::Journal(error) => error.fmt(f),
            RunError::Histogram(error) => write!(f, "keep times: {error:?}"),
            RunError::Io(error) => write!(f, "begin: {error}"),
        }
    }
}
