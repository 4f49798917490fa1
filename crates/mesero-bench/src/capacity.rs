//! `mesero bench --suggest`: the concurrency that a goal needs, measured, computed, and tried.

use mesero_terminal::exit::Exit;
use mesero_terminal::output::Output;
use mesero_terminal::signals::Signals;

use crate::args::BenchArgs;
use crate::capacity::error::CapacityError;
use crate::error::BenchError;
use crate::load::descriptors::raise_file_limit;
use crate::load::progress::ProgressDisplay;
use crate::plan::{Load, LoadPlan};
use crate::target::BenchTarget;
use crate::target::named::NamedTarget;

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

use crate::capacity::findings::CapacityFindings;
use crate::capacity::need::{CapacityGoal, Demand};
use crate::capacity::probe::{CapacityProbe, ConcurrencyControl};
use crate::capacity::report::CapacityReport;

/// Finds the concurrency that the goal needs, and prints it.
///
/// Dropped, it closes all connections and stops the target.
///
/// # Errors
/// If the target cannot be started or measured.
pub(crate) async fn run(args: &BenchArgs, output: &mut Output) -> Result<Exit, BenchError> {
    let plan = args.plan();
    let goal = goal(args, &plan).map_err(BenchError::Capacity)?;
    let concurrency = plan.load.concurrency().get().max(findings::MOST as usize);
    raise_file_limit(concurrency.div_ceil(plan.protocol.streams().get()))?;
    let targets = NamedTarget::all(args).await.map_err(BenchError::Target)?;
    let [named_target] = &targets[..] else {
        return Err(BenchError::Capacity(CapacityError::Several));
    };
    let mut signals = Signals::listen().map_err(BenchError::Io)?;
    let bound = match &named_target.target {
        BenchTarget::Url(_) => ConcurrencyControl::External,
        BenchTarget::InProcess(in_process) => {
            let seats = in_process.service.resource.seats().get();
            ConcurrencyControl::Limit { seats: u32::try_from(seats).unwrap_or(u32::MAX) }
        }
    };
    let time = args.step_time();
    let target = named_target.target.clone();
    let mut probe = CapacityProbe {
        target,
        bound,
        plan,
        level_time: time,
        check_time: time,
        live: ProgressDisplay::begin(),
    };
    let findings = tokio::select! {
        biased;
        signal = signals.next() => return Ok(signal.exit()),
        findings = CapacityFindings::measure(goal, &mut probe) => findings?,
    };
    let protocol = probe.plan.protocol;
    drop(probe);
    named_target.stop().await;
    let exit = if findings.holds() { Exit::Fine } else { Exit::Unexpected };
    let clients = findings.sweep.levels.last().map_or(1, |level| level.concurrency as usize);
    let note = match &named_target.target {
        BenchTarget::Url(target) => target.stream_limit_note(clients),
        BenchTarget::InProcess(_) => None,
    };
    let report = CapacityReport { target: &named_target.url, protocol, findings, note };
    let text = if args.json { report.json() } else { report.text() };
    output.line(text.trim_end()).map_err(BenchError::Io)?;
    Ok(exit)
}

/// Default of `--share`.
const USUAL_SHARE: f64 = 0.99;

/// The goal of the command line.
fn goal(args: &BenchArgs, plan: &LoadPlan) -> Result<CapacityGoal, CapacityError> {
    let timeout = plan.timeout.as_secs_f64();
    let demand = match plan.load {
        Load::Open { rate, arrivals, .. } => Demand::Rate { rate, arrivals },
        Load::Closed { clients } if args.says_how_many() => {
            let clients = u32::try_from(clients.get()).unwrap_or(u32::MAX);
            Demand::Burst { clients }
        }
        Load::Closed { .. } => return Err(CapacityError::NoDemand),
    };
    let share = args.share.unwrap_or(USUAL_SHARE);
    if share >= 1.0 && matches!(demand, Demand::Rate { .. }) {
        return Err(CapacityError::All);
    }
    Ok(CapacityGoal { demand, timeout, share })
}

#[cfg(test)]
mod tests;
