//! `mesero run`: items in, one record for each, as each is done.

#![forbid(unsafe_code)]

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;

use mesero::{Answers, Attempt, Failure, FailureKind, Observer};
use mesero_config::Policy;
use mesero_process::spawner::Spawner;
use mesero_resources::Reply;
use mesero_services::assemble::{self, AssembleError};
use mesero_services::service::Service;
use mesero_target::{Target, TargetError};
use mesero_terminal::exit::Exit;
use mesero_terminal::output::{Output, colour_is_welcome, stdout};
use mesero_terminal::signals::Signals;

mod args;
mod control_server;
mod driver;
mod input;
mod journal;
mod output;
mod scheduler;

use crate::output::format::Writer;
use crate::output::progress::{self, Progress};
use crate::output::reorder_buffer::Early;
use crate::output::sink::Sink;
use crate::output::summary::{self, Summary};
use args::OnBadInput;
pub use args::RunArgs;
use control_server::Control;
use driver::timeout::Median;
use driver::{Driver, Rules};
use input::feed::{Feed, Source};
use input::reader::Format;
use journal::{Header, Journal, JournalError, Keeping, Opened, Past, Purpose};
use scheduler::{Bell, Heard, Intake, Settings, Turn, Turns};

/// How far the input may be ahead of results that come in order: well above any limit that is usual, so that one slow
/// item does not keep the others waiting, and small enough to be kept.
const WINDOW: u64 = 10_000;

/// The longest answer that is kept until its record is written.
const LONGEST_VALUE: usize = 16 * 1024 * 1024;

/// Runs all items, and says how it went.
///
/// # Errors
/// If it could not begin: nothing was called then.
pub async fn run(args: RunArgs, output: &mut Output) -> Result<Exit, RunError> {
    let mut signals = Signals::listen().map_err(RunError::Io)?;
    let (target, resource) = Target::read(&args.wanted()).map_err(RunError::Target)?;
    if args.wait_for_target && target.has_server_per_item() {
        let target = args.words.first().cloned().unwrap_or_default();
        return Err(RunError::Target(TargetError::ServerPerItem { target }));
    }
    let target = Arc::new(target);
    let opened = open(&args, &target)?;
    let is_retry = opened.as_ref().is_some_and(|(_, purpose)| *purpose == Purpose::Retry);
    let (journal, mut earlier) = match opened {
        None => (None, Past::default()),
        Some((Opened { journal, past, reconfigured }, _)) => {
            if reconfigured {
                output.say(
                    "mesero: the target's configuration has changed since the journal began: what is done stays as it \
                     is, and the rest is done with the new one",
                );
            }
            (Some(Arc::new(journal)), past)
        }
    };
    let source = match &journal {
        Some(journal) if is_retry => {
            let failed = std::mem::take(&mut earlier).failed();
            if failed.is_empty() {
                output.say("mesero: there was nothing to do: no item of the journal has failed");
                return Ok(Exit::Fine);
            }
            Source::Kept(Arc::clone(journal), failed)
        }
        _ => source(&args),
    };
    let names = target.names();
    let feed = tokio::select! {
        feed = Feed::open(source, &names) => feed.map_err(RunError::Input)?,
        signal = signals.next() => return Ok(signal.exit()),
    };
    let results = Sink::start(stdout()).map_err(RunError::Io)?;
    let failed = match &args.out.failed {
        Some(path) => {
            let file = File::create(path);
            let file = file.map_err(|error| RunError::Failed(path.display().to_string(), error))?;
            Some(Sink::start(file).map_err(RunError::Io)?)
        }
        None => None,
    };
    let spawner = Spawner::start().map_err(RunError::Io)?;
    let bell = args.policies.halt.map(|_| Bell::default());
    let observer = bell.clone().map(|bell| Box::new(bell) as Box<dyn Observer>);
    let service = tokio::select! {
        service = assemble::service(&resource, &spawner, observer) => service.map_err(RunError::Assemble)?,
        signal = signals.next() => return Ok(signal.exit()),
    };
    let control = Control::start(args.policies.control.as_deref(), &service, output).await?;

    let total = feed.total();
    let settings = Settings {
        feed,
        target: Arc::clone(&target),
        id_field: args.id.clone(),
        window: args.out.ordered.then_some(WINDOW),
        deadline: resource.policy.deadline,
        waits_from_the_start: args.wait_for_target,
        earlier,
        readopts: journal.clone().filter(|_| args.journal.idempotent),
        heard: bell.map(|bell| Heard { dispatcher: service.dispatcher.clone(), bell }),
        may_end_by_bad: args.on_bad_input == OnBadInput::Halt,
    };
    let (intake, turns) = Intake::new(settings);
    let work = (&target, journal.clone());
    let answers = answers(&service, (turns, work), (&args, &resource.policy));
    let median = args.median_factor().map(|factor| Ok(Median::new(factor, summary::histogram()?)));
    let median = median.transpose().map_err(RunError::Histogram)?;
    let shown = progress::is_welcome() && !args.out.quiet && !args.out.verbose;
    let mut driver = Driver {
        service: &service,
        target: &target,
        intake,
        rules: Rules {
            halt: args.policies.halt,
            on_bad_input: args.on_bad_input,
            median,
            verbose: args.out.verbose,
        },
        results,
        writer: Writer::new(args.form()),
        failed,
        keeping: journal.map(Keeping::new),
        early: args.out.ordered.then(Early::default),
        summary: Summary::new().map_err(RunError::Histogram)?,
        progress: Progress::new(total, shown),
        output,
        ending: None,
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
    (turns, (target, journal)): (Turns, (&Arc<Target>, Option<Arc<Journal>>)),
    (args, policy): (&RunArgs, &Policy),
) -> Answers<Turn, Reply> {
    let retry_on = Arc::new(args.policies.retry_on.clone().unwrap_or_default());
    let resource = Arc::clone(&service.resource);
    let work = move |turn: Turn, attempt: Attempt| {
        let (resource, retry_on) = (Arc::clone(&resource), Arc::clone(&retry_on));
        let journal = journal.clone();
        async move {
            let Turn { item, order, .. } = turn;
            let is_first = match &journal {
                None => false,
                // The slot is held meanwhile: what is in the journal as begun is no more than what may have begun.
                Some(journal) => journal.begin(&item).await.map_err(|error| unkept(&error))?,
            };
            let judged = async {
                // Within the attempt, so that its time and its slot cover the whole answer.
                let reply = resource.attempt(order, attempt).await?.gathered(LONGEST_VALUE).await?;
                retry_on.judge(reply)
            };
            let result = judged.await;
            if let (Some(journal), Err(failure)) = (&journal, &result)
                && is_first
                && failure.kind() == FailureKind::Unreachable
            {
                journal.release(&item);
            }
            result.map_err(|failure: Failure| retry_on.advise(failure))
        }
    };
    let (target, shares, deadline) = (Arc::clone(target), service.shares, policy.deadline);
    let call = move |turn: &Turn| {
        let key = shares.then(|| turn.item.input.json());
        let call = target.call(&turn.item.input, key.as_deref());
        match (turn.past.since, deadline) {
            // What is left of the time that it had from its first turn on.
            (Some(since), Some(deadline)) if turn.past.attempts > 0 => {
                call.deadline(deadline.saturating_sub(since.elapsed()))
            }
            _ => call,
        }
    };
    service.dispatcher.call_stream(turns, call, work)
}

/// Opens the journal, if one is named.
fn open(args: &RunArgs, target: &Target) -> Result<Option<(Opened, Purpose)>, RunError> {
    let Some((path, purpose)) = args.journal.asked() else { return Ok(None) };
    if purpose == Purpose::Retry && !args.items().is_empty() {
        let first = args.items().first().cloned().unwrap_or_default();
        return Err(RunError::Input(format!(
            "take `{first}` as an item: with `--retry-failed` the items are those of the journal"
        )));
    }
    let header = Header::new(target.identity.clone(), args.id.clone(), target.config.clone());
    let opened = Journal::open(path, &header, purpose).map_err(RunError::Journal)?;
    Ok(Some((opened, purpose)))
}

/// The journal cannot be written any more, so that nothing may begin; the run ends.
fn unkept(error: &io::Error) -> Failure {
    Failure::raised(format!("the journal cannot be written: {error}"))
}

/// Where items come from.
fn source(args: &RunArgs) -> Source {
    if let Some(times) = args.times {
        return Source::Repeated(times);
    }
    if !args.items().is_empty() {
        return Source::Words(args.items().to_vec());
    }
    let path = args.input.clone().filter(|path| path.as_os_str() != "-");
    let by_name = path.as_deref().map_or(Format::Lines, Format::of);
    Source::File { path, format: args.format_in.unwrap_or(by_name) }
}

impl Driver<'_> {
    /// Writes what stands above all results.
    fn begin(&mut self) {
        if let Some(header) = self.writer.header() {
            self.results.line(&header);
        }
    }
}

/// Why nothing was run.
#[derive(Debug)]
pub enum RunError {
    Target(TargetError),
    Input(String),
    Failed(String, io::Error),
    Control(String),
    Journal(JournalError),
    Assemble(AssembleError),
    Histogram(hdrhistogram::CreationError),
    Io(io::Error),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The message of a configuration is whole, and more than a line.
            RunError::Target(TargetError::Config(error)) => {
                f.write_str(&error.render(colour_is_welcome()))
            }
            RunError::Target(error) => write!(f, "mesero: failed to {error}"),
            RunError::Input(why) => write!(f, "mesero: failed to {why}"),
            RunError::Failed(path, error) => {
                write!(f, "mesero: failed to write the items that fail to `{path}`: {error}")
            }
            RunError::Control(why) => write!(f, "mesero: failed to {why}"),
            RunError::Assemble(error) => write!(f, "mesero: failed to {error}"),
            RunError::Journal(error) => write!(f, "mesero: failed to {error}"),
            RunError::Histogram(error) => write!(f, "mesero: failed to keep times: {error:?}"),
            RunError::Io(error) => write!(f, "mesero: failed to begin: {error}"),
        }
    }
}
