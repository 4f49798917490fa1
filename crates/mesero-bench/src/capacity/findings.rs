//! What was found out, and what it comes to.

use std::mem::discriminant;

use crate::capacity::need::{CapacityGoal, Demand, RequiredConcurrency};
use crate::capacity::probe::{CapacityProbe, ConcurrencyControl};
use crate::capacity::service_times::{self, ServiceTimes};
use crate::capacity::sweep::{Knee, Sweep};
use crate::error::BenchError;
use crate::load::validity::{self, ValidityIssue};
use crate::plan::LoadPlan;
use crate::stats::record::LoadRecord;

/// All that was found out.
#[derive(Debug)]
pub(crate) struct CapacityFindings {
    pub(crate) goal: CapacityGoal,
    pub(crate) bound: ConcurrencyControl,
    pub(crate) sweep: Sweep,
    pub(crate) knee: Knee,
    /// None if nobody was answered, not even alone.
    pub(crate) service: Option<ServiceTimes>,
    pub(crate) verdict: CapacityVerdict,
    /// None where there was nothing to try.
    pub(crate) check: Option<CapacityCheck>,
    pub(crate) issues: Vec<ValidityIssue>,
}

/// What it comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum CapacityVerdict {
    /// So many at once are enough, and so many there are, or can be.
    Enough { concurrency: u32 },
    /// Enough would be more than it has places for; only its owner can give it more.
    TooFewSeats { concurrency: u32, seats: u32 },
    /// Enough would be more than the URL serves at once now.
    TooFewWorkers { concurrency: u32, now: u32 },
    /// Enough would be more than bring anything.
    Saturated { concurrency: u32 },
    /// So many should have been enough, and were not.
    Refuted { concurrency: u32 },
    /// Nobody could bring so many.
    TooMany { concurrency: u32 },
    /// No number is enough: only this share of calls is over in time if nobody waits; unless too few were seen to be sure.
    Never { share: f64, is_certain: bool },
    /// Nobody was answered, for another reason than that it took too long.
    Unanswered,
}

/// What came of trying it.
#[derive(Debug)]
pub(crate) struct CapacityCheck {
    pub(crate) demand: Demand,
    pub(crate) concurrency: u32,
    pub(crate) record: LoadRecord,
}

/// The most calls at once that are tried at a URL, and before anything is known.
pub(crate) const MOST: u32 = 1_024;

/// So many at once show in a short time how long many calls take.
const FOR_MORE: u32 = 16;

/// How often a limit that should be enough is raised if it is not.
const RAISES: u32 = 3;

/// Above the knee by this share is still at the knee: it is known only so well.
const NEAR_KNEE: f64 = 1.15;

impl CapacityGoal {
    /// How many calls at once are worth trying, for what is known so far.
    fn max_useful_concurrency(&self, sweep: &Sweep, bound: ConcurrencyControl) -> u32 {
        // Twice as many as are needed show whether the need is below the knee.
        let needed = match sweep.service().map(|service| self.need(&service)) {
            Some(RequiredConcurrency::Enough { concurrency, .. }) => concurrency.saturating_mul(2),
            Some(RequiredConcurrency::TooMany { .. }) => MOST,
            // Until enough were seen to be sure of it.
            Some(RequiredConcurrency::Never { is_certain: false, .. }) => FOR_MORE,
            Some(RequiredConcurrency::Never { .. }) | None => 1,
        };
        let asked = match self.demand {
            Demand::Rate { .. } => u32::MAX,
            Demand::Burst { clients } => clients,
        };
        let bound = match bound {
            ConcurrencyControl::Limit { seats } => seats,
            ConcurrencyControl::External => MOST,
        };
        needed.min(asked).min(bound).max(1)
    }
}

fn verdict(
    goal: CapacityGoal,
    service: &ServiceTimes,
    (knee, bound): (Knee, ConcurrencyControl),
) -> CapacityVerdict {
    let concurrency = match goal.need(service) {
        RequiredConcurrency::Enough { concurrency, .. } => concurrency,
        RequiredConcurrency::Never { share, is_certain } => {
            return CapacityVerdict::Never { share, is_certain };
        }
        RequiredConcurrency::TooMany { concurrency } => {
            return CapacityVerdict::TooMany { concurrency };
        }
    };
    let is_above_knee = knee.is_observed && f64::from(concurrency) > knee.concurrency * NEAR_KNEE;
    match bound {
        ConcurrencyControl::Limit { .. } if is_above_knee => {
            CapacityVerdict::Saturated { concurrency }
        }
        ConcurrencyControl::Limit { seats } if concurrency > seats => {
            CapacityVerdict::TooFewSeats { concurrency, seats }
        }
        ConcurrencyControl::External if is_above_knee => {
            CapacityVerdict::TooFewWorkers { concurrency, now: knee.workers() }
        }
        _ => CapacityVerdict::Enough { concurrency },
    }
}

impl CapacityFindings {
    /// Finds out what the goal takes, and tries it.
    ///
    /// # Errors
    /// Why it cannot be measured.
    pub(crate) async fn measure(
        goal: CapacityGoal,
        probe: &mut CapacityProbe,
    ) -> Result<Self, BenchError> {
        let bound = probe.bound;
        let most = |sweep: &Sweep| goal.max_useful_concurrency(sweep, bound);
        let sweep =
            Sweep::measure(async |concurrency| probe.level(concurrency).await, most).await?;
        let (knee, service) = (sweep.knee(), sweep.service());
        let mut issues = Vec::new();
        sweep.levels.iter().for_each(|level| add_doubts(&mut issues, &level.record, &probe.plan));
        let verdict = match &service {
            Some(service) => verdict(goal, service, (knee, bound)),
            None => CapacityVerdict::Unanswered,
        };
        let mut findings = Self { goal, bound, sweep, knee, service, verdict, check: None, issues };
        findings.run_check(probe).await?;
        Ok(findings)
    }

    /// Tries what is wanted, or what the URL can bear of it now.
    async fn run_check(&mut self, probe: &mut CapacityProbe) -> Result<(), BenchError> {
        match self.verdict {
            CapacityVerdict::Enough { mut concurrency } => {
                let most = match self.bound {
                    ConcurrencyControl::Limit { seats } => seats,
                    ConcurrencyControl::External => concurrency,
                };
                for _ in 0..=RAISES {
                    let holds = self.check(self.goal.demand, concurrency, probe).await?;
                    self.verdict = if holds {
                        CapacityVerdict::Enough { concurrency }
                    } else {
                        CapacityVerdict::Refuted { concurrency }
                    };
                    if holds || concurrency >= most {
                        break;
                    }
                    concurrency = concurrency.saturating_add(concurrency.div_ceil(10)).min(most);
                }
            }
            _ => {
                if let Some((demand, concurrency)) = self.feasible_demand() {
                    self.check(demand, concurrency, probe).await?;
                }
            }
        }
        Ok(())
    }

    /// What there is enough for as it is, and how many at once that takes, where it is not enough for what is wanted.
    pub(crate) fn feasible_demand(&self) -> Option<(Demand, u32)> {
        let concurrency = match self.verdict {
            CapacityVerdict::TooFewWorkers { now, .. } => now,
            CapacityVerdict::TooFewSeats { seats, .. } => seats,
            CapacityVerdict::Saturated { .. } => self.knee.workers(),
            _ => return None,
        };
        let demand = self.goal.feasible_demand(self.service.as_ref()?, concurrency)?;
        Some((demand, concurrency))
    }

    async fn check(
        &mut self,
        demand: Demand,
        concurrency: u32,
        probe: &mut CapacityProbe,
    ) -> Result<bool, BenchError> {
        let record = probe.check(demand, concurrency).await?;
        add_doubts(&mut self.issues, &record, &probe.plan);
        let check = CapacityCheck { demand, concurrency, record };
        let holds = check.holds(self.goal.share);
        self.check = Some(check);
        Ok(holds)
    }

    /// Between which numbers the truth may lie, since the mean of the service is known to two standard errors only; none
    /// if that makes no difference.
    pub(crate) fn spread(&self) -> Option<(u32, u32)> {
        let service = self.service.as_ref()?;
        let enough = |factor: f64| match self.goal.need(&service.scaled(factor)) {
            RequiredConcurrency::Enough { concurrency, .. } => Some(concurrency),
            _ => None,
        };
        let error = 2.0 * service.error();
        let (least, most) = (enough((1.0 - error).max(0.0))?, enough(1.0 + error)?);
        (least < most).then_some((least, most))
    }

    /// Whether what is wanted is to be had, and was seen.
    pub(crate) fn holds(&self) -> bool {
        matches!(self.verdict, CapacityVerdict::Enough { .. }) && self.issues.is_empty()
    }
}

impl CapacityCheck {
    /// Whether what was seen can be the share that was wanted.
    pub(crate) fn holds(&self, share: f64) -> bool {
        let LoadRecord { ok, requests, .. } = self.record;
        match self.demand {
            Demand::Burst { .. } => requests > 0 && ok as f64 >= share * requests as f64,
            Demand::Rate { .. } => service_times::at_most(ok, requests) >= share,
        }
    }
}

fn add_doubts(issues: &mut Vec<ValidityIssue>, record: &LoadRecord, plan: &LoadPlan) {
    for issue in validity::check(record, plan) {
        // How many clients the plan has is another matter; and once is enough to be told.
        let is_known = |known: &ValidityIssue| discriminant(known) == discriminant(&issue);
        if !matches!(issue, ValidityIssue::LittlesLaw { .. }) && !issues.iter().any(is_known) {
            issues.push(issue);
        }
    }
}
