//! `mesero bench --suggest`: how many calls have to run at once, measured, computed, and tried.

use mesero_terminal::exit::Exit;
use mesero_terminal::output::Output;
use mesero_terminal::signals::Signals;

use crate::args::BenchArgs;
use crate::capacity::error::SuggestError;
use crate::error::BenchError;
use crate::load::descriptors::allow_connections;
use crate::load::progress::Live;
use crate::plan::{Load, Plan};
use crate::target::Subject;
use crate::target::named::Contestant;

mod erlang;
pub(crate) mod error;
pub(crate) mod estimate;
mod findings;
mod need;
mod probe;
mod report;
mod sentences;
mod service_times;
mod sweep;

use crate::capacity::findings::Findings;
use crate::capacity::need::{Demand, Goal};
use crate::capacity::probe::{Bound, Probe};
use crate::capacity::report::Report;

/// Finds out what the target needs for what is wanted, and prints it.
///
/// # Errors
/// Why it cannot be found out.
pub(crate) async fn run(args: &BenchArgs, output: &mut Output) -> Result<Exit, BenchError> {
    let plan = args.plan();
    let goal = goal(args, &plan).map_err(BenchError::Suggest)?;
    let at_once = plan.load.at_once().get().max(findings::MOST as usize);
    allow_connections(at_once.div_ceil(plan.protocol.streams().get()))?;
    let contestants = Contestant::all(args).await.map_err(BenchError::Contestant)?;
    let [contestant] = &contestants[..] else {
        return Err(BenchError::Suggest(SuggestError::Several));
    };
    let mut signals = Signals::listen().map_err(BenchError::Io)?;
    let bound = match &contestant.subject {
        Subject::Url(_) => Bound::Theirs,
        Subject::Called(called) => {
            let seats = called.service.resource.seats().get();
            Bound::Limit { seats: u32::try_from(seats).unwrap_or(u32::MAX) }
        }
    };
    let time = args.step_time();
    let subject = contestant.subject.clone();
    let mut probe =
        Probe { subject, bound, plan, level_time: time, check_time: time, live: Live::begin() };
    let findings = tokio::select! {
        biased;
        signal = signals.next() => return Ok(signal.exit()),
        findings = Findings::gather(goal, &mut probe) => findings?,
    };
    let protocol = probe.plan.protocol;
    drop(probe);
    contestant.stop().await;
    let exit = if findings.holds() { Exit::Fine } else { Exit::Unexpected };
    let clients = findings.sweep.levels.last().map_or(1, |level| level.at_once as usize);
    let note = match &contestant.subject {
        Subject::Url(target) => target.narrowness(clients),
        Subject::Called(_) => None,
    };
    let report = Report { target: &contestant.url, protocol, findings, note };
    let text = if args.json { report.json() } else { report.text() };
    output.line(text.trim_end()).map_err(BenchError::Io)?;
    Ok(exit)
}

/// The share of callers who have to get their answers, where nobody says otherwise.
const USUAL_SHARE: f64 = 0.99;

/// What the flags want.
fn goal(args: &BenchArgs, plan: &Plan) -> Result<Goal, SuggestError> {
    let patience = plan.patience.as_secs_f64();
    let demand = match plan.load {
        Load::Open { rate, arrivals, .. } => Demand::Stream { rate, arrivals },
        Load::Closed { clients } if args.says_how_many() => {
            let clients = u32::try_from(clients.get()).unwrap_or(u32::MAX);
            Demand::Crowd { clients }
        }
        Load::Closed { .. } => return Err(SuggestError::NoDemand),
    };
    let share = args.share.unwrap_or(USUAL_SHARE);
    if share >= 1.0 && matches!(demand, Demand::Stream { .. }) {
        return Err(SuggestError::All);
    }
    Ok(Goal { demand, patience, share })
}

#[cfg(test)]
mod tests;
