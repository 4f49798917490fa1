//! Measures contestants in rounds, so that what changes with time changes for all of them.

use std::sync::Arc;

use fastrand::Rng;

use super::BenchError;
use super::contestant::Contestant;
use super::live::{Live, Stage};
use super::load::Session;
use super::measured::Measured;
use super::plan::Plan;
use crate::shutdown::{Signal, Signals};

/// Contestants, and what is done to each.
#[derive(Debug)]
pub(super) struct Contest {
    pub(super) plan: Plan,
    pub(super) contestants: Vec<Contestant>,
}

/// How a contest ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Of each contestant, in their order.
    pub(super) measured: Vec<Measured>,
    /// What ended it early.
    pub(super) signal: Option<Signal>,
}

impl Contest {
    /// Measures every contestant once in every round, one after the other in random order: to the
    /// end, or until a signal says stop.
    ///
    /// # Errors
    /// Why it cannot be measured.
    pub(super) async fn run(&self) -> Result<Ended, BenchError> {
        let mut signals = Signals::listen().map_err(BenchError::Io)?;
        let mut live = Live::begin();
        let mut random = Rng::with_seed(self.plan.seed);
        let mut measured = self.nothing()?;
        let mut order: Vec<_> = (0..self.contestants.len()).collect();
        let mut done = 0;
        for round in 0..self.plan.rounds.get() {
            random.shuffle(&mut order);
            for &index in &order {
                let stage = self.stage(index, round, done);
                let subject = self.contestants[index].subject.clone();
                let session = Session::new(self.plan.of_round(round), subject);
                let session = Arc::new(session.map_err(BenchError::Histogram)?);
                let signal = tokio::select! {
                    biased;
                    signal = signals.next() => Some(signal),
                    ended = session.run() => {
                        ended.map_err(BenchError::Io)?;
                        None
                    }
                    () = live.show(&session, &stage) => None,
                };
                session.close();
                if signal.is_some() {
                    measured[index].add_interrupted(&session.record());
                    return Ok(Ended { measured, signal });
                }
                measured[index].add(&session.record());
                done += 1;
            }
        }
        Ok(Ended { measured, signal: None })
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
