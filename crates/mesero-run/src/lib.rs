//! `mesero run`: items in, one record for each, printed when the item has finished.

#![forbid(unsafe_code)]

use std::fs::File;
use std::sync::Arc;

use mesero::Observer;
use mesero_process::spawner::Spawner;
use mesero_services::assemble;
use mesero_target::{Target, TargetError};
use mesero_terminal::exit::Exit;
use mesero_terminal::output::{Output, stdout};
use mesero_terminal::signals::Signals;

mod args;
mod control_server;
mod driver;
mod error;
mod input;
mod journal;
mod output;
mod scheduler;

pub use args::RunArgs;
use control_server::ControlServer;
use driver::calls::Calls;
use driver::pending_commits::PendingCommits;
use driver::timeout::AdaptiveTimeout;
use driver::{AnswerReader, Driver, OnBadInput, RecordEmitter, RunStop};
pub use error::RunError;
use input::feed::{Feed, InputSource, ItemTotal};
use journal::{Journal, JournalHeader, JournalMode, OpenedJournal, Replay};
use output::console::Console;
use output::progress::{self, RunProgress};
use output::reorder_buffer::ReorderBuffer;
use output::sink::RecordSink;
use output::summary::{self, RunSummary};
use scheduler::halt_gate::{HaltGate, SlotWaker};
use scheduler::{Scheduler, SchedulerConfig};

/// With ordered output: the maximum number of items taken whose records are not printed. Well above common limits, so that
/// a slow item holds back no other, and small enough to keep in memory.
const ORDERED_WINDOW: u64 = 10_000;

/// Runs all items, prints the conclusion, and returns the exit code.
///
/// Dropping the future cancels the calls in flight; their resources stop as they do at a timeout. Results in the journal
/// are on disk, results that were not printed are lost.
///
/// # Errors
/// If the run cannot start: then nothing was called.
pub async fn run(args: RunArgs, output: &mut Output) -> Result<Exit, RunError> {
    let mut signals = Signals::listen().map_err(RunError::Io)?;
    let (target, resource) = Target::read(&args.target_options()).map_err(RunError::Target)?;
    if args.wait_for_target && target.has_server_per_item() {
        let target = args.words.first().cloned().unwrap_or_default();
        return Err(RunError::Target(TargetError::ServerPerItem { target }));
    }
    let target = Arc::new(target);
    let (journal, mut replay) = match open_journal(&args, &target)? {
        None => (None, Replay::default()),
        Some(OpenedJournal { journal, replay, config_changed }) => {
            if config_changed {
                output.say(
                    "mesero: the target's configuration has changed since the journal was created: finished items are \
                     kept, the others run with the new configuration",
                );
            }
            (Some(Arc::new(journal)), replay)
        }
    };
    let source = match &journal {
        Some(journal) if journal.mode == JournalMode::RetryFailed => {
            let failed = std::mem::take(&mut replay).failed();
            if failed.is_empty() {
                output.say("mesero: nothing to do: no item of the journal has failed");
                return Ok(Exit::Fine);
            }
            failed_items(journal, failed)
        }
        _ => args.source(),
    };
    let names = target.names();
    let feed = tokio::select! {
        feed = Feed::open(source, &names) => feed.map_err(RunError::Input)?,
        signal = signals.next() => return Ok(signal.exit()),
    };
    let results = RecordSink::start(stdout()).map_err(RunError::Io)?;
    let failed = failed_sink(&args)?;
    let spawner = Spawner::start().map_err(RunError::Io)?;
    let slot_waker = args.policies.halt.map(|_| SlotWaker::default());
    let observer = slot_waker.clone().map(|waker| Box::new(waker) as Box<dyn Observer>);
    let service = tokio::select! {
        service = assemble::service(&resource, &spawner, observer) => service.map_err(RunError::Assemble)?,
        signal = signals.next() => return Ok(signal.exit()),
    };
    let control = match args.policies.control.as_deref() {
        Some(address) => Some(ControlServer::start(address, &service, output).await?),
        None => None,
    };

    let progress = run_progress(&args, feed.total());
    let (scheduler, items) = Scheduler::new(SchedulerConfig {
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
        halts_on_bad_input: args.on_bad_input == OnBadInput::Halt,
    });
    let calls = Calls {
        service: &service,
        target: Arc::clone(&target),
        journal: journal.clone(),
        retry_on: args.policies.retry_on.clone().unwrap_or_default(),
        deadline: resource.policy.deadline,
    };
    let answers = calls.answers(items);
    let mut driver = Driver {
        dispatcher: &service.dispatcher,
        scheduler: scheduler.clone(),
        answer_reader: AnswerReader {
            dispatcher: &service.dispatcher,
            scheduler: scheduler.clone(),
            adaptive_timeout: adaptive_timeout(&args)?,
            waits_for_target: !target.has_server_per_item(),
        },
        pending_commits: journal.map(PendingCommits::new),
        emitter: RecordEmitter {
            format: args.record_format(),
            target,
            results,
            failed,
            reorder: args.out.ordered.then(ReorderBuffer::default),
            is_verbose: args.out.verbose,
            scheduler: scheduler.clone(),
        },
        summary: RunSummary::new().map_err(RunError::Histogram)?,
        console: Console::new(progress, output),
        stop: RunStop::new(&service.dispatcher, scheduler),
        halt_rule: args.policies.halt,
        on_bad_input: args.on_bad_input,
    };
    driver.run(answers, &mut signals).await;
    let exit = driver.conclude(args.out.quiet);
    if !matches!(exit, Exit::Interrupted | Exit::Terminated) {
        tokio::select! {
            () = service.resource.stop() => {}
            // What has not stopped ends with this process.
            signal = signals.next() => return Ok(signal.exit()),
        }
    }
    if let Some(control) = control {
        control.stop().await;
    }
    Ok(exit)
}

/// Opens the journal, if the command line names one.
fn open_journal(args: &RunArgs, target: &Target) -> Result<Option<OpenedJournal>, RunError> {
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
fn failed_items(journal: &Arc<Journal>, offsets: Vec<u64>) -> InputSource {
    let total = offsets.len() as u64;
    let journal = Arc::clone(journal);
    let entries = Box::new(offsets.into_iter().map(move |offset| journal.read_input(offset)));
    InputSource::Entries { entries, total }
}

/// The output of failed items, if there is one.
fn failed_sink(args: &RunArgs) -> Result<Option<RecordSink>, RunError> {
    let Some(path) = &args.out.failed else { return Ok(None) };
    let file = File::create(path)
        .map_err(|error| RunError::FailedItems { path: path.display().to_string(), error })?;
    RecordSink::start(file).map(Some).map_err(RunError::Io)
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
