//! What was found out, and what it comes to.

use std::mem::discriminant;

use crate::capacity::need::{Demand, Goal, Need};
use crate::capacity::probe::{Bound, Probe};
use crate::capacity::service_times::{self, Service};
use crate::capacity::sweep::{Knee, Sweep};
use crate::error::BenchError;
use crate::load::validity::{self, Doubt};
use crate::plan::Plan;
use crate::stats::record::Record;

/// All that was found out.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) goal: Goal,
    pub(crate) bound: Bound,
    pub(crate) sweep: Sweep,
    pub(crate) knee: Knee,
    /// None if nobody was answered, not even alone.
    pub(crate) service: Option<Service>,
    pub(crate) verdict: Verdict,
    /// None where there was nothing to try.
    pub(crate) check: Option<Check>,
    pub(crate) doubts: Vec<Doubt>,
}

/// What it comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Verdict {
    /// So many at once are enough, and so many there are, or can be.
    Enough { at_once: u32 },
    /// Enough would be more than it has places for; only its owner can give it more.
    TooFewSeats { at_once: u32, seats: u32 },
    /// Enough would be more than the URL serves at once now.
    TooFewWorkers { at_once: u32, now: u32 },
    /// Enough would be more than bring anything.
    Saturated { at_once: u32 },
    /// So many should have been enough, and were not.
    Refuted { at_once: u32 },
    /// Nobody could bring so many.
    Beyond { at_once: u32 },
    /// No number is enough: only this share of calls is over in time if nobody waits; unless too few were seen to be sure.
    Never { share: f64, is_sure: bool },
    /// Nobody was answered, for another reason than that it took too long.
    Unanswered,
}

/// What came of trying it.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) demand: Demand,
    pub(crate) at_once: u32,
    pub(crate) record: Record,
}

/// The most calls at once that are tried at a URL, and before anything is known.
pub(crate) const MOST: u32 = 1_024;

/// So many at once show in a short time how long many calls take.
const FOR_MORE: u32 = 16;

/// How often a limit that should be enough is raised if it is not.
const RAISES: u32 = 3;

/// Above the knee by this share is still at the knee: it is known only so well.
const NEAR_KNEE: f64 = 1.15;

impl Goal {
    /// How many calls at once are worth trying, for what is known so far.
    fn worth_trying(&self, sweep: &Sweep, bound: Bound) -> u32 {
        // Twice as many as are needed show whether the need is below the knee.
        let needed = match sweep.service().map(|service| self.need(&service)) {
            Some(Need::Enough { at_once, .. }) => at_once.saturating_mul(2),
            Some(Need::Beyond { .. }) => MOST,
            // Until enough were seen to be sure of it.
            Some(Need::Never { is_sure: false, .. }) => FOR_MORE,
            Some(Need::Never { .. }) | None => 1,
        };
        let asked = match self.demand {
            Demand::Stream { .. } => u32::MAX,
            Demand::Crowd { clients } => clients,
        };
        let bound = match bound {
            Bound::Limit { seats } => seats,
            Bound::Theirs => MOST,
        };
        needed.min(asked).min(bound).max(1)
    }
}

fn verdict(goal: Goal, service: &Service, (knee, bound): (Knee, Bound)) -> Verdict {
    let at_once = match goal.need(service) {
        Need::Enough { at_once, .. } => at_once,
        Need::Never { share, is_sure } => return Verdict::Never { share, is_sure },
        Need::Beyond { at_once } => return Verdict::Beyond { at_once },
    };
    let is_above_knee = knee.is_seen && f64::from(at_once) > knee.at_once * NEAR_KNEE;
    match bound {
        Bound::Limit { .. } if is_above_knee => Verdict::Saturated { at_once },
        Bound::Limit { seats } if at_once > seats => Verdict::TooFewSeats { at_once, seats },
        Bound::Theirs if is_above_knee => Verdict::TooFewWorkers { at_once, now: knee.workers() },
        _ => Verdict::Enough { at_once },
    }
}

impl Findings {
    /// Finds out what the goal takes, and tries it.
    ///
    /// # Errors
    /// Why it cannot be measured.
    pub(crate) async fn gather(goal: Goal, probe: &mut Probe) -> Result<Self, BenchError> {
        let bound = probe.bound;
        let most = |sweep: &Sweep| goal.worth_trying(sweep, bound);
        let sweep = Sweep::measure(async |at_once| probe.level(at_once).await, most).await?;
        let (knee, service) = (sweep.knee(), sweep.service());
        let mut doubts = Vec::new();
        sweep.levels.iter().for_each(|level| add_doubts(&mut doubts, &level.record, &probe.plan));
        let verdict = match &service {
            Some(service) => verdict(goal, service, (knee, bound)),
            None => Verdict::Unanswered,
        };
        let mut findings = Self { goal, bound, sweep, knee, service, verdict, check: None, doubts };
        findings.try_it(probe).await?;
        Ok(findings)
    }

    /// Tries what is wanted, or what the URL can bear of it now.
    async fn try_it(&mut self, probe: &mut Probe) -> Result<(), BenchError> {
        match self.verdict {
            Verdict::Enough { mut at_once } => {
                let most = match self.bound {
                    Bound::Limit { seats } => seats,
                    Bound::Theirs => at_once,
                };
                for _ in 0..=RAISES {
                    let holds = self.check(self.goal.demand, at_once, probe).await?;
                    self.verdict = match holds {
                        true => Verdict::Enough { at_once },
                        false => Verdict::Refuted { at_once },
                    };
                    if holds || at_once >= most {
                        break;
                    }
                    at_once = at_once.saturating_add(at_once.div_ceil(10)).min(most);
                }
            }
            _ => {
                if let Some((demand, at_once)) = self.bearable() {
                    self.check(demand, at_once, probe).await?;
                }
            }
        }
        Ok(())
    }

    /// What there is enough for as it is, and how many at once that takes, where it is not enough for what is wanted.
    pub(crate) fn bearable(&self) -> Option<(Demand, u32)> {
        let at_once = match self.verdict {
            Verdict::TooFewWorkers { now, .. } => now,
            Verdict::TooFewSeats { seats, .. } => seats,
            Verdict::Saturated { .. } => self.knee.workers(),
            _ => return None,
        };
        let demand = self.goal.bearable(self.service.as_ref()?, at_once)?;
        Some((demand, at_once))
    }

    async fn check(
        &mut self,
        demand: Demand,
        at_once: u32,
        probe: &mut Probe,
    ) -> Result<bool, BenchError> {
        let record = probe.check(demand, at_once).await?;
        add_doubts(&mut self.doubts, &record, &probe.plan);
        let check = Check { demand, at_once, record };
        let holds = check.holds(self.goal.share);
        self.check = Some(check);
        Ok(holds)
    }

    /// Between which numbers the truth may lie, since the mean of the service is known to two standard errors only; none
    /// if that makes no difference.
    pub(crate) fn spread(&self) -> Option<(u32, u32)> {
        let service = self.service.as_ref()?;
        let enough = |factor: f64| match self.goal.need(&service.scaled(factor)) {
            Need::Enough { at_once, .. } => Some(at_once),
            _ => None,
        };
        let error = 2.0 * service.error();
        let (least, most) = (enough((1.0 - error).max(0.0))?, enough(1.0 + error)?);
        (least < most).then_some((least, most))
    }

    /// Whether what is wanted is to be had, and was seen.
    pub(crate) fn holds(&self) -> bool {
        matches!(self.verdict, Verdict::Enough { .. }) && self.doubts.is_empty()
    }
}

impl Check {
    /// Whether what was seen can be the share that was wanted.
    pub(crate) fn holds(&self, share: f64) -> bool {
        let Record { ok, requests, .. } = self.record;
        match self.demand {
            Demand::Crowd { .. } => requests > 0 && ok as f64 >= share * requests as f64,
            Demand::Stream { .. } => service_times::at_most(ok, requests) >= share,
        }
    }
}

fn add_doubts(doubts: &mut Vec<Doubt>, record: &Record, plan: &Plan) {
    for doubt in validity::about(record, plan) {
        // How many clients the plan has is another matter; and once is enough to be told.
        let is_known = |known: &Doubt| discriminant(known) == discriminant(&doubt);
        if !matches!(doubt, Doubt::Little { .. }) && !doubts.iter().any(is_known) {
            doubts.push(doubt);
        }
    }
}
