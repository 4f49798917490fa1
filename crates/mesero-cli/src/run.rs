//! `mesero run`: items in, one record for each, as each is done.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;

use mesero::{Answers, Attempt, Failure};

use crate::assemble::{self, AssembleError};
use crate::config::Policy;
use crate::exit::Exit;
use crate::output::{self, Output};
use crate::process::spawner::Spawner;
use crate::resource::Reply;
use crate::service::Service;
use crate::shutdown::Signals;

mod args;
mod attendant;
mod drive;
mod halt;
mod input;
mod intake;
mod median;
mod progress;
mod record;
mod retry;
mod sink;
mod summary;
mod target;

pub(crate) use args::RunArgs;
use attendant::Control;
use drive::{Driver, Early, Ending, Rules};
use input::feed::{Feed, Source};
use input::reader::Format;
use intake::{Intake, Settings, Turn, Turns};
use median::Median;
use progress::Progress;
use record::Writer;
use sink::Sink;
use summary::Summary;
use target::{Target, TargetError};

/// How far the input may be ahead of results that come in order: well above any limit that is usual, so that one slow
/// item does not keep the others waiting, and small enough to be kept.
const WINDOW: u64 = 10_000;

/// The longest answer that is kept until its record is written.
const LONGEST_VALUE: usize = 16 * 1024 * 1024;

/// Runs all items, and says how it went.
///
/// # Errors
/// If it could not begin: nothing was called then.
pub(crate) async fn run(args: RunArgs, output: &mut Output) -> Result<Exit, RunError> {
    let mut signals = Signals::listen().map_err(RunError::Io)?;
    let (target, resource) = Target::read(&args).map_err(RunError::Target)?;
    let target = Arc::new(target);
    let (names, source) = (target.names(), source(&args));
    let feed = tokio::select! {
        feed = Feed::open(source, &names) => feed.map_err(RunError::Input)?,
        signal = signals.next() => return Ok(signal.exit()),
    };
    let results = Sink::start(output::stdout()).map_err(RunError::Io)?;
    let failed = match &args.out.failed {
        Some(path) => {
            let file = File::create(path);
            let file = file.map_err(|error| RunError::Failed(path.display().to_string(), error))?;
            Some(Sink::start(file).map_err(RunError::Io)?)
        }
        None => None,
    };
    let spawner = Spawner::start().map_err(RunError::Io)?;
    let service = tokio::select! {
        service = assemble::service(&resource, &spawner, None) => service.map_err(RunError::Assemble)?,
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
        waits_from_the_start: args.target.wait_for_target,
    };
    let (intake, turns) = Intake::new(settings);
    let answers = answers(&service, (turns, &target), (&args, &resource.policy));
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
    (turns, target): (Turns, &Arc<Target>),
    (args, policy): (&RunArgs, &Policy),
) -> Answers<Turn, Reply> {
    let retry_on = Arc::new(args.policies.retry_on.clone().unwrap_or_default());
    let resource = Arc::clone(&service.resource);
    let work = move |turn: Turn, attempt: Attempt| {
        let serving = resource.attempt(turn.order, attempt);
        let retry_on = Arc::clone(&retry_on);
        async move {
            let judged = async {
                // Within the attempt, so that its time and its slot cover the whole answer.
                let reply = serving.await?.gathered(LONGEST_VALUE).await?;
                retry_on.judge(reply)
            };
            judged.await.map_err(|failure: Failure| retry_on.advise(failure))
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

    /// Says how it went.
    fn exit(&mut self, quiet: bool) -> Exit {
        let stats = self.service.dispatcher.stats();
        let taken = self.intake.taken();
        if !quiet && taken > 0 {
            self.output.say(&self.summary.text(taken, &stats));
        }
        if let Err(law) = stats.check() {
            self.output.say(&format!(
                "mesero: the counts do not balance, which is a mistake in mesero: {law}"
            ));
        }
        let counts = &self.summary.counts;
        match self.ending.take() {
            Some(Ending::Signal(signal)) => signal.exit(),
            Some(Ending::Halted) => Exit::Halted,
            Some(Ending::Unread) => Exit::SomeFailed,
            Some(Ending::Unwritten(what, error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.output.say(&format!("mesero: stopped: nobody reads {what} any more"));
                Exit::SomeFailed
            }
            Some(Ending::Unwritten(what, error)) => {
                self.output.say(&format!("mesero: stopped: failed to write {what}: {error}"));
                Exit::SomeFailed
            }
            None if taken == 0 => {
                self.output.say("mesero: there was nothing to do: the input has no item");
                Exit::NothingToDo
            }
            None if counts.failed() > 0 || counts.done() < taken => Exit::SomeFailed,
            None => Exit::Fine,
        }
    }
}

/// Why nothing was run.
#[derive(Debug)]
pub(crate) enum RunError {
    Target(TargetError),
    Input(String),
    Failed(String, io::Error),
    Control(String),
    Assemble(AssembleError),
    Histogram(hdrhistogram::CreationError),
    Io(io::Error),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The message of a configuration is whole, and more than a line.
            RunError::Target(error @ TargetError::Config(_)) => error.fmt(f),
            RunError::Target(error) => write!(f, "mesero: {error}"),
            RunError::Input(why) => write!(f, "mesero: failed to {why}"),
            RunError::Failed(path, error) => {
                write!(f, "mesero: failed to write the items that fail to `{path}`: {error}")
            }
            RunError::Control(why) => write!(f, "mesero: failed to {why}"),
            RunError::Assemble(error) => write!(f, "mesero: failed to {error}"),
            RunError::Histogram(error) => write!(f, "mesero: failed to keep times: {error:?}"),
            RunError::Io(error) => write!(f, "mesero: failed to begin: {error}"),
        }
    }
}
