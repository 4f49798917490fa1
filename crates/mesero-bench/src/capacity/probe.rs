//! Single measurements: of a level of the sweep, and of what is wanted.

use std::convert::Infallible;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::capacity::need::Demand;
use crate::capacity::sweep::SweepLevel;
use crate::error::BenchError;
use crate::load;
use crate::load::progress::{ProgressDisplay, ProgressStage};
use crate::load::session::LoadSession;
use crate::plan::{Load, LoadPlan, StopCondition};
use crate::stats::record::LoadRecord;
use crate::target::BenchTarget;

/// Measures one thing after the other.
#[derive(Debug)]
pub(crate) struct CapacityProbe {
    pub(crate) target: BenchTarget,
    /// Whether its limit is ours to set.
    pub(crate) bound: ConcurrencyControl,
    /// Whose patience, tolerance and seed are taken.
    pub(crate) plan: LoadPlan,
    /// How long a level takes, if it is not sure enough before.
    pub(crate) level_time: Duration,
    /// How long a check takes, if not more time is needed for enough requests.
    pub(crate) check_time: Duration,
    pub(crate) live: ProgressDisplay,
}

/// What says how many calls run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConcurrencyControl {
    /// The limit of a resource, up to its seats.
    Limit { seats: u32 },
    /// Whoever runs the URL.
    External,
}

/// A level is sure enough when the standard error of its mean is below this share of it,
const ERROR: f64 = 0.05;

/// and so many were seen, or if all of them take about the same time a few.
const SOME: u64 = 10;
const FEW: u64 = 3;
const SAME: f64 = 0.005;

/// The first call of each client may find something cold, and comes with all others at once; so it does not count. It is
/// made within this time.
const BURST: Duration = Duration::from_millis(10);

/// Nothing ends it but that it is sure.
const UNBOUNDED: StopCondition = StopCondition::Time(Duration::from_secs(24 * 60 * 60));

/// The least number of requests that a check is worth something with.
const CHECKED: f64 = 100.0;

/// However seldom requests come, a check takes no longer.
const LONGEST_CHECK: Duration = Duration::from_secs(60);

impl CapacityProbe {
    /// So many calls at once, until how long they take is known well enough.
    pub(crate) async fn level(&mut self, concurrency: u32) -> Result<LoadRecord, BenchError> {
        self.set_limit(concurrency);
        let clients = at_least_one(concurrency);
        let load = Load::Closed { clients };
        let plan = LoadPlan { load, until: UNBOUNDED, warm_up: BURST, ..self.plan.clone() };
        let session = self.session(plan)?;
        let level_time = self.level_time;
        let stopping = async {
            until_precise(&session, (clients, level_time)).await;
            session.finish();
            // Those who have asked are still waited for.
            std::future::pending::<Infallible>().await
        };
        let record = tokio::select! {
            record = self.run(concurrency, &session) => record?,
            never = stopping => match never {},
        };
        let level = SweepLevel { concurrency, record };
        self.live.log_result(&level.label());
        Ok(level.record)
    }

    /// What is wanted, with so many at once if that is ours to say.
    pub(crate) async fn check(
        &mut self,
        demand: Demand,
        concurrency: u32,
    ) -> Result<LoadRecord, BenchError> {
        self.set_limit(concurrency);
        let plan = match demand {
            Demand::Burst { clients } => LoadPlan {
                load: Load::Closed { clients: at_least_one(clients) },
                until: match self.plan.until {
                    StopCondition::Requests(count) if count.get() > u64::from(clients) => {
                        StopCondition::Requests(count)
                    }
                    _ => StopCondition::Requests(
                        NonZeroU64::MIN.saturating_add(u64::from(clients).saturating_sub(1)),
                    ),
                },
                warm_up: Duration::ZERO,
                ..self.plan.clone()
            },
            Demand::Rate { rate, arrivals } => {
                let enough = Duration::try_from_secs_f64(CHECKED / rate).unwrap_or(LONGEST_CHECK);
                let concurrency = self.plan.load.concurrency();
                LoadPlan {
                    load: Load::Open { rate, arrivals, concurrency },
                    until: StopCondition::Time(enough.min(LONGEST_CHECK).max(self.check_time)),
                    ..self.plan.clone()
                }
            }
        };
        self.live.log_result(&format!("trying what is wanted with {concurrency} at once"));
        let session = self.session(plan)?;
        self.run(concurrency, &session).await
    }

    fn set_limit(&self, concurrency: u32) {
        if let (ConcurrencyControl::Limit { .. }, BenchTarget::InProcess(in_process)) =
            (self.bound, &self.target)
        {
            in_process.service.dispatcher.set_limit(at_least_one(concurrency));
        }
    }

    fn session(&self, plan: LoadPlan) -> Result<Arc<LoadSession>, BenchError> {
        let session = LoadSession::new(plan, self.target.clone()).map_err(BenchError::Histogram)?;
        Ok(Arc::new(session))
    }

    async fn run(
        &mut self,
        concurrency: u32,
        session: &Arc<LoadSession>,
    ) -> Result<LoadRecord, BenchError> {
        let name = format!("{concurrency} at once");
        // How many levels there will be shows as they are measured.
        let stage = ProgressStage { name: &name, round: 1, rounds: 1, over: None };
        tokio::select! {
            ended = load::run(session) => ended.map_err(BenchError::Io)?,
            () = self.live.show(session, &stage) => {}
        }
        Ok(session.record().clone())
    }
}

/// Waits until it is known well enough how long calls take.
async fn until_precise(session: &LoadSession, (clients, time): (NonZeroUsize, Duration)) {
    let begin = Instant::now();
    let all = u64::try_from(clients.get()).unwrap_or(u64::MAX);
    loop {
        let elapsed = begin.elapsed();
        // Looking takes a moment, and less is new the longer it has lasted.
        sleep((elapsed / 8).max(BURST)).await;
        let (requests, count, error) = {
            let record = session.record();
            (record.requests, record.response.count(), record.response.error())
        };
        let is_certain = error.is_some_and(|(error, variation)| {
            let is_same = count >= FEW.max(all) && variation <= SAME;
            is_same || count >= SOME.max(all) && error <= ERROR
        });
        // Late is late, but each has to be heard of once, and one alone twice.
        if is_certain || begin.elapsed() >= time && requests >= all.max(2) {
            return;
        }
    }
}

fn at_least_one(count: u32) -> NonZeroUsize {
    NonZeroUsize::MIN.saturating_add(count.saturating_sub(1) as usize)
}
