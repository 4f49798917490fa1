//! `mesero bench`: measures a service, and says the truth about it.

use std::fmt;
use std::io;
use std::sync::Arc;

use hdrhistogram::CreationError;
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::exit::Exit;
use crate::output::Output;
use crate::shutdown::{Signal, Signals};

mod answer;
mod args;
mod client;
mod doubt;
mod expect;
mod live;
mod load;
mod metric;
mod outcome;
mod plan;
mod record;
mod report;
mod target;
mod timer;
mod times;
mod words;

pub(crate) use args::BenchArgs;
use expect::Judged;
use live::Live;
use load::Session;
use plan::Plan;
use record::Record;
use report::Report;
use target::{Target, TargetError};

/// Measures, prints what was measured, and judges it.
///
/// # Errors
/// Why nothing could be measured.
pub(crate) async fn run(args: BenchArgs, output: &mut Output) -> Result<Exit, BenchError> {
    let plan = args.plan();
    let target = Arc::new(Target::new(&args.url, &args.request()).map_err(BenchError::Target)?);
    allow_connections(plan.load.connections().get())?;
    let (record, signal) = measure(&plan, target).await?;
    let expectations = args.expect.as_ref();
    let report = Report {
        url: &args.url,
        doubts: doubt::about(&record, &plan),
        verdict: expectations.map(|expectations| expectations.judge(&record)),
        is_interrupted: signal.is_some(),
        plan,
        record,
    };
    let text = match (args.json, args.markdown) {
        (true, _) => report.json(),
        (_, true) => report.markdown(),
        _ => report.text(),
    };
    output.line(text.trim_end()).map_err(BenchError::Io)?;
    // Whoever reads data with a program sees the verdict too.
    if args.json || args.markdown {
        report.judgement().iter().for_each(|line| output.say(line));
    }
    Ok(signal.map_or_else(|| report.exit(), Signal::exit))
}

/// Runs a measurement to its end, or to a signal that says stop.
async fn measure(plan: &Plan, target: Arc<Target>) -> Result<(Record, Option<Signal>), BenchError> {
    let mut signals = Signals::listen().map_err(BenchError::Io)?;
    let session = Session::new(plan.clone(), target).map_err(BenchError::Histogram)?;
    let session = Arc::new(session);
    let live = Live::begin();
    let signal = tokio::select! {
        biased;
        signal = signals.next() => Some(signal),
        ended = session.run() => {
            ended.map_err(BenchError::Io)?;
            None
        }
        () = live.show(&session) => None,
    };
    session.close();
    let record = session.record().clone();
    Ok((record, signal))
}

/// Every connection is a descriptor, and the usual bound is a thousand.
fn allow_connections(connections: usize) -> Result<(), BenchError> {
    // For all else that is open.
    const OTHERS: u64 = 64;
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHERS);
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    if limit.maximum.is_some_and(|maximum| maximum < wanted) {
        return Err(BenchError::Descriptors { wanted, allowed: limit.maximum.unwrap_or_default() });
    }
    limit.current = Some(wanted);
    setrlimit(Resource::Nofile, limit).map_err(|error| BenchError::Io(error.into()))
}

impl Report<'_> {
    /// How the program ends.
    fn exit(&self) -> Exit {
        let holds = |verdict: &Vec<Judged>| verdict.iter().all(|judged| judged.holds);
        match &self.verdict {
            Some(verdict) if holds(verdict) && self.doubts.is_empty() => Exit::Fine,
            Some(_) => Exit::Unexpected,
            None if self.record.failed() > 0 || !self.record.has_times() => Exit::SomeFailed,
            None if !self.doubts.is_empty() => Exit::SomeFailed,
            None => Exit::Fine,
        }
    }
}

/// Why nothing could be measured. Reads on after "failed to".
#[derive(Debug)]
pub(crate) enum BenchError {
    Target(TargetError),
    Descriptors { wanted: u64, allowed: u64 },
    Histogram(CreationError),
    Io(io::Error),
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BenchError::Target(error) => error.fmt(f),
            BenchError::Descriptors { wanted, allowed } => write!(
                f,
                "open so many connections: they take {wanted} descriptors, and this machine \
                 allows {allowed}; ask for fewer clients, or raise `ulimit -Hn`"
            ),
            BenchError::Histogram(error) => write!(f, "keep times: {error:?}"),
            BenchError::Io(error) => write!(f, "measure: {error}"),
        }
    }
}
