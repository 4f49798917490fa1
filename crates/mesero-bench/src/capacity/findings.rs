//! Measurements of `--suggest`, and the verdict.

use std::mem::discriminant;

use crate::capacity::need::{CapacityGoal, Demand, RequiredConcurrency};
use crate::capacity::probe::{CapacityProbe, ConcurrencyControl};
use crate::capacity::service_times::{self, ServiceTimes};
use crate::capacity::sweep::{Knee, Sweep};
use crate::error::BenchError;
use crate::load::validity::{self, ValidityIssue};
use crate::plan::LoadPlan;
use crate::stats::record::LoadRecord;

/// All measurements, and the verdict.
#[derive(Debug)]
pub(crate) struct CapacityFindings {
    pub(crate) goal: CapacityGoal,
    pub(crate) bound: ConcurrencyControl,
    pub(crate) sweep: Sweep,
    pub(crate) knee: Knee,
    /// None without any response, even at a concurrency of one.
    pub(crate) service: Option<ServiceTimes>,
    pub(crate) verdict: CapacityVerdict,
    /// None where there was nothing to try.
    pub(crate) check: Option<CapacityCheck>,
    pub(crate) issues: Vec<ValidityIssue>,
}

/// The verdict on a goal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum CapacityVerdict {
    /// This concurrency is enough, and available.
    Enough { concurrency: u32 },
    /// The resource has fewer seats than this concurrency needs.
    TooFewSeats { concurrency: u32, seats: u32 },
    /// The server behind the URL has fewer workers than this concurrency needs.
    TooFewWorkers { concurrency: u32, now: u32 },
    /// The needed concurrency is above the knee: more calls at once do not raise the rate.
    Saturated { concurrency: u32 },
    /// This concurrency should have been enough by the formula, and was not.
    Refuted { concurrency: u32 },
    /// More than the search considers.
    TooMany { concurrency: u32 },
    /// No concurrency is enough: even without waiting, only this share of calls is answered in time. Uncertain if few
    /// calls were measured.
    Never { share: f64, is_certain: bool },
    /// No call succeeded, for other reasons than the timeout.
    Unanswered,
}

/// A trial of the suggested concurrency.
#[derive(Debug)]
pub(crate) struct CapacityCheck {
    pub(crate) demand: Demand,
    pub(crate) concurrency: u32,
    pub(crate) record: LoadRecord,
}

/// The highest concurrency that is tried on a URL, and while nothing is known.
pub(crate) const MOST: u32 = 1_024;

/// A concurrency at which many calls are measured in a short time.
const FOR_MORE: u32 = 16;

/// Attempts with a higher limit, after the computed limit was not enough.
const RAISES: u32 = 3;

/// Up to this multiple of the knee a concurrency counts as at the knee, which is a measured value.
const NEAR_KNEE: f64 = 1.15;

impl CapacityGoal {
    /// Highest concurrency that is worth measuring, given the levels so far.
    fn max_useful_concurrency(&self, sweep: &Sweep, bound: ConcurrencyControl) -> u32 {
        // Twice the needed concurrency shows whether the knee is above it.
        let needed = match sweep.service().map(|service| self.need(&service)) {
            Some(RequiredConcurrency::Enough { concurrency, .. }) => concurrency.saturating_mul(2),
            Some(RequiredConcurrency::TooMany { .. }) => MOST,
            // Until enough calls are measured to be certain.
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
    knee: Knee,
    bound: ConcurrencyControl,
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
    /// Measures what the goal needs, and tries it.
    ///
    /// Dropped, it closes all connections.
    ///
    /// # Errors
    /// If the load cannot be run.
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
            Some(service) => verdict(goal, service, knee, bound),
            None => CapacityVerdict::Unanswered,
        };
        let mut findings = Self { goal, bound, sweep, knee, service, verdict, check: None, issues };
        findings.run_check(probe).await?;
        Ok(findings)
    }

    /// Tries the goal, or the part of it that the current concurrency can meet.
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

    /// The demand that the current concurrency can meet, and that concurrency; none if the goal itself can be met.
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

    /// The needed concurrency for a mean service time two standard errors lower and higher; none if both are the same.
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

    /// Whether the goal can be met, and was met in the trial.
    pub(crate) fn holds(&self) -> bool {
        matches!(self.verdict, CapacityVerdict::Enough { .. }) && self.issues.is_empty()
    }
}

impl CapacityCheck {
    /// Whether the results are consistent with the wanted share.
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
        // The number of clients belongs to a single level; other issues are reported once.
        let is_known = |known: &ValidityIssue| discriminant(known) == discriminant(&issue);
        if !matches!(issue, ValidityIssue::LittlesLaw { .. }) && !issues.iter().any(is_known) {
            issues.push(issue);
        }
    }
}
