//! Measures contestants in rounds, so that what changes with time changes for all of them.

use fastrand::Rng;
use mesero_terminal::signals::{Signal, Signals};

use crate::comparison::results::Measured;
use crate::comparison::trial::Turn;
use crate::error::BenchError;
use crate::load::progress::{Live, Stage};
use crate::plan::Plan;
use crate::target::Subject;
use crate::target::launcher::Starter;
use crate::target::named::Contestant;

/// Contestants, and what is done to each.
#[derive(Debug)]
pub(crate) struct Contest {
    pub(crate) plan: Plan,
    pub(crate) contestants: Vec<Contestant>,
    /// For those that run only for their turns.
    pub(crate) starter: Option<Starter>,
    /// Whether somebody looks, once, how each answers.
    pub(crate) compares_answers: bool,
}

/// How a contest ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Of each contestant, in their order.
    pub(crate) measured: Vec<Measured>,
    /// What ended it early.
    pub(crate) signal: Option<Signal>,
}

impl Contest {
    /// Measures every contestant once in every round, one after the other in random order: to the
    /// end, or until a signal says stop.
    ///
    /// # Errors
    /// Why it cannot be measured.
    pub(crate) async fn run(&self) -> Result<Ended, BenchError> {
        let mut signals = Signals::listen().map_err(BenchError::Io)?;
        let mut live = Live::begin();
        let mut random = Rng::with_seed(self.plan.seed);
        let mut all = self.nothing()?;
        let mut signalled = None;
        let mut order: Vec<_> = (0..self.contestants.len()).collect();
        let mut done = 0;
        'rounds: for round in 0..self.plan.rounds.get() {
            random.shuffle(&mut order);
            for &index in &order {
                let contestant = &self.contestants[index];
                let looks = self.compares_answers && round == 0;
                let stage = self.stage(index, round, done);
                let turn = Turn { plan: self.plan.of_round(round), contestant, stage, looks };
                let turned = turn.run(self.starter.as_ref(), &mut live, &mut signals).await?;
                done += 1;
                let measured = &mut all[index];
                if looks {
                    measured.seen = turned.seen;
                }
                if let Some(taken) = turned.taken {
                    measured.took(taken);
                }
                if let Some(end) = turned.end {
                    measured
                        .notes
                        .push(format!("In round {} it ended by itself, {end}", round + 1));
                }
                match (turned.record, turned.signal) {
                    (Some(record), None) => measured.add(&record),
                    (Some(record), Some(_)) => measured.add_interrupted(&record),
                    (None, _) => {}
                }
                if let Some(signal) = turned.signal {
                    signalled = Some(signal);
                    break 'rounds;
                }
            }
        }
        if let Some(starter) = &self.starter {
            starter.stop().await;
        }
        for (contestant, measured) in self.contestants.iter().zip(&mut all) {
            if let Subject::Url(target) = &contestant.subject {
                measured.notes.extend(target.narrowness(self.plan.load.at_once().get()));
            }
        }
        Ok(Ended { measured: all, signal: signalled })
    }

    fn stage(&self, index: usize, round: u32, done: usize) -> Stage<'_> {
        let rounds = self.plan.rounds.get();
        let name = &self.contestants[index].name;
        let of_each = usize::try_from(rounds).unwrap_or(usize::MAX);
        let all = of_each.saturating_mul(self.contestants.len());
        Stage { name, round: round + 1, rounds, over: Some((done, all)) }
    }

    fn nothing(&self) -> Result<Vec<Measured>, BenchError> {
        let nothing = |Contestant { name, url, .. }: &Contestant| {
            Measured::new(name.clone(), url.clone()).map_err(BenchError::Histogram)
        };
        self.contestants.iter().map(nothing).collect()
    }
}

#[cfg(test)]
mod tests;
