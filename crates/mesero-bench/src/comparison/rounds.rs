//! Measures targets in rounds, so that changes of the machine over time affect all of them.

use fastrand::Rng;
use mesero_terminal::signals::{Signal, Signals};

use crate::comparison::results::TargetResults;
use crate::comparison::trial::Trial;
use crate::error::BenchError;
use crate::load::progress::{ProgressDisplay, ProgressStage};
use crate::plan::LoadPlan;
use crate::target::BenchTarget;
use crate::target::launcher::TargetLauncher;
use crate::target::named::NamedTarget;

/// Targets, and the plan for each.
#[derive(Debug)]
pub(crate) struct ComparisonRun {
    pub(crate) plan: LoadPlan,
    pub(crate) targets: Vec<NamedTarget>,
    /// None unless a target is launched.
    pub(crate) launcher: Option<TargetLauncher>,
    /// Whether a snapshot of each target's response is taken in the first round.
    pub(crate) compares_responses: bool,
}

/// Results of all rounds.
#[derive(Debug)]
pub(crate) struct RunResults {
    /// One for each target, in their order.
    pub(crate) results: Vec<TargetResults>,
    /// The signal that stopped the run.
    pub(crate) signal: Option<Signal>,
}

impl ComparisonRun {
    /// Runs a trial of every target in every round, in random order, until the last round or a signal.
    ///
    /// Dropped, it closes all connections and kills launched targets.
    ///
    /// # Errors
    /// If a trial cannot be run.
    pub(crate) async fn run(&self) -> Result<RunResults, BenchError> {
        let mut signals = Signals::listen().map_err(BenchError::Io)?;
        let mut live = ProgressDisplay::begin();
        let mut random = Rng::with_seed(self.plan.seed);
        let mut results = self.empty_results()?;
        let mut stopping_signal = None;
        let mut order: Vec<_> = (0..self.targets.len()).collect();
        let mut done = 0;
        'rounds: for round in 0..self.plan.rounds.get() {
            random.shuffle(&mut order);
            for &index in &order {
                let named_target = &self.targets[index];
                let takes_snapshot = self.compares_responses && round == 0;
                let stage = self.stage(index, round, done);
                let trial =
                    Trial { plan: self.plan.of_round(round), named_target, stage, takes_snapshot };
                let result = trial.run(self.launcher.as_ref(), &mut live, &mut signals).await?;
                done += 1;
                let results = &mut results[index];
                if takes_snapshot {
                    results.snapshot = result.snapshot;
                }
                if let Some(resource_usage) = result.resource_usage {
                    results.add_usage(resource_usage);
                }
                if let Some(end) = result.end {
                    results.notes.push(format!("In round {} it exited, {end}", round + 1));
                }
                match (result.record, result.signal) {
                    (Some(record), None) => results.add(&record),
                    (Some(record), Some(_)) => results.add_interrupted(&record),
                    (None, _) => {}
                }
                if let Some(signal) = result.signal {
                    stopping_signal = Some(signal);
                    break 'rounds;
                }
            }
        }
        if let Some(launcher) = &self.launcher {
            launcher.stop().await;
        }
        for (named_target, results) in self.targets.iter().zip(&mut results) {
            if let BenchTarget::Url(target) = &named_target.target {
                results.notes.extend(target.stream_limit_note(self.plan.load.concurrency().get()));
            }
        }
        Ok(RunResults { results, signal: stopping_signal })
    }

    fn stage(&self, index: usize, round: u32, done: usize) -> ProgressStage<'_> {
        let rounds = self.plan.rounds.get();
        let name = &self.targets[index].name;
        let of_each = usize::try_from(rounds).unwrap_or(usize::MAX);
        let results = of_each.saturating_mul(self.targets.len());
        ProgressStage { name, round: round + 1, rounds, over: Some((done, results)) }
    }

    fn empty_results(&self) -> Result<Vec<TargetResults>, BenchError> {
        let empty_results = |NamedTarget { name, url, .. }: &NamedTarget| {
            TargetResults::new(name.clone(), url.clone()).map_err(BenchError::Histogram)
        };
        self.targets.iter().map(empty_results).collect()
    }
}

#[cfg(test)]
mod tests;
