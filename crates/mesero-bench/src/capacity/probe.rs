//! Single measurements: a level of the sweep, or a trial of the goal.

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

/// Runs one measurement after the other.
#[derive(Debug)]
pub(crate) struct CapacityProbe {
    pub(crate) target: BenchTarget,
    /// Whether mesero can set the target's concurrency.
    pub(crate) bound: ConcurrencyControl,
    /// Source of timeout, tolerance and seed.
    pub(crate) plan: LoadPlan,
    /// Longest time of a level.
    pub(crate) level_time: Duration,
    /// Shortest time of a check; it takes longer if requests are rare.
    pub(crate) check_time: Duration,
    pub(crate) live: ProgressDisplay,
}

/// The owner of the concurrency limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConcurrencyControl {
    /// The limit of a resource, up to its seats.
    Limit { seats: u32 },
    /// The server of the URL.
    External,
}

/// A level ends when the standard error of its mean is below this share of the mean,
const ERROR: f64 = 0.05;

/// and this many calls were measured, or a few if all of them take about the same time.
const SOME: u64 = 10;
const FEW: u64 = 3;
const SAME: f64 = 0.005;

/// Length of the warm-up. The first call of each client may find cold caches, and starts together with all others, so
/// it is not counted.
const BURST: Duration = Duration::from_millis(10);

/// Levels end when they are precise.
const UNBOUNDED: StopCondition = StopCondition::Time(Duration::from_secs(24 * 60 * 60));

/// Fewest requests of a meaningful check.
const CHECKED: f64 = 100.0;

/// Upper limit for checks with rare requests.
const LONGEST_CHECK: Duration = Duration::from_secs(60);

impl CapacityProbe {
    /// Measures a level of this concurrency until the mean latency is precise.
    ///
    /// Dropped, it closes all connections.
    pub(crate) async fn level(&mut self, concurrency: u32) -> Result<LoadRecord, BenchError> {
        self.set_limit(concurrency);
        let clients = at_least_one(concurrency);
        let load = Load::Closed { clients };
        let plan = LoadPlan { load, until: UNBOUNDED, warm_up: BURST, ..self.plan.clone() };
        let session = self.session(plan)?;
        let level_time = self.level_time;
        let stopping = async {
            until_precise(&session, clients, level_time).await;
            session.finish();
            // Requests in flight are awaited.
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

    /// Runs a load of this demand, at this concurrency if mesero can set it.
    ///
    /// Dropped, it closes all connections.
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
        self.live.log_result(&format!("trying the goal with a concurrency of {concurrency}"));
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
        let name = format!("concurrency {concurrency}");
        // The number of levels is not known in advance.
        let stage = ProgressStage { name: &name, round: 1, rounds: 1, over: None };
        tokio::select! {
            ended = load::run(session) => ended.map_err(BenchError::Io)?,
            () = self.live.show(session, &stage) => {}
        }
        Ok(session.record().clone())
    }
}

/// Waits until the mean latency is precise, or the time is over.
async fn until_precise(session: &LoadSession, clients: NonZeroUsize, time: Duration) {
    let begin = Instant::now();
    let all = u64::try_from(clients.get()).unwrap_or(u64::MAX);
    loop {
        let elapsed = begin.elapsed();
        // The longer the level has lasted, the less changes between two looks at its record.
        sleep((elapsed / 8).max(BURST)).await;
        let (requests, count, error) = {
            let record = session.record();
            (record.requests, record.response.count(), record.response.error())
        };
        let is_certain = error.is_some_and(|(error, variation)| {
            let is_same = count >= FEW.max(all) && variation <= SAME;
            is_same || count >= SOME.max(all) && error <= ERROR
        });
        // After the time is over, each client must still have one response, and a single client two.
        if is_certain || begin.elapsed() >= time && requests >= all.max(2) {
            return;
        }
    }
}

fn at_least_one(count: u32) -> NonZeroUsize {
    NonZeroUsize::MIN.saturating_add(count.saturating_sub(1) as usize)
}
