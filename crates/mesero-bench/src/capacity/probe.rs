//! Single measurements: of a level of the sweep, and of what is wanted.

use std::convert::Infallible;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::capacity::need::Demand;
use crate::capacity::sweep::Level;
use crate::error::BenchError;
use crate::load;
use crate::load::progress::{Live, Stage};
use crate::load::session::Session;
use crate::plan::{Load, Plan, Until};
use crate::stats::record::Record;
use crate::target::Subject;

/// Measures one thing after the other.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) subject: Subject,
    /// Whether its limit is ours to set.
    pub(crate) bound: Bound,
    /// Whose patience, tolerance and seed are taken.
    pub(crate) plan: Plan,
    /// How long a level takes, if it is not sure enough before.
    pub(crate) level_time: Duration,
    /// How long a check takes, if not more time is needed for enough requests.
    pub(crate) check_time: Duration,
    pub(crate) live: Live,
}

/// What says how many calls run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    /// The limit of a resource, up to its seats.
    Limit { seats: u32 },
    /// Whoever runs the URL.
    Theirs,
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
const UNBOUNDED: Until = Until::Time(Duration::from_secs(24 * 60 * 60));

/// The least number of requests that a check is worth something with.
const CHECKED: f64 = 100.0;

/// However seldom requests come, a check takes no longer.
const LONGEST_CHECK: Duration = Duration::from_secs(60);

impl Probe {
    /// So many calls at once, until how long they take is known well enough.
    pub(crate) async fn level(&mut self, at_once: u32) -> Result<Record, BenchError> {
        self.set_limit(at_once);
        let clients = at_least_one(at_once);
        let load = Load::Closed { clients };
        let plan = Plan { load, until: UNBOUNDED, warm_up: BURST, ..self.plan.clone() };
        let session = self.session(plan)?;
        let level_time = self.level_time;
        let stopping = async {
            until_sure(&session, (clients, level_time)).await;
            session.finish();
            // Those who have asked are still waited for.
            std::future::pending::<Infallible>().await
        };
        let record = tokio::select! {
            record = self.run(at_once, &session) => record?,
            never = stopping => match never {},
        };
        let level = Level { at_once, record };
        self.live.tell(&level.told());
        Ok(level.record)
    }

    /// What is wanted, with so many at once if that is ours to say.
    pub(crate) async fn check(
        &mut self,
        demand: Demand,
        at_once: u32,
    ) -> Result<Record, BenchError> {
        self.set_limit(at_once);
        let plan = match demand {
            Demand::Crowd { clients } => Plan {
                load: Load::Closed { clients: at_least_one(clients) },
                until: match self.plan.until {
                    Until::Requests(count) if count.get() > u64::from(clients) => {
                        Until::Requests(count)
                    }
                    _ => Until::Requests(
                        NonZeroU64::MIN.saturating_add(u64::from(clients).saturating_sub(1)),
                    ),
                },
                warm_up: Duration::ZERO,
                ..self.plan.clone()
            },
            Demand::Stream { rate, arrivals } => {
                let enough = Duration::try_from_secs_f64(CHECKED / rate).unwrap_or(LONGEST_CHECK);
                let at_once = self.plan.load.at_once();
                Plan {
                    load: Load::Open { rate, arrivals, at_once },
                    until: Until::Time(enough.min(LONGEST_CHECK).max(self.check_time)),
                    ..self.plan.clone()
                }
            }
        };
        self.live.tell(&format!("trying what is wanted with {at_once} at once"));
        let session = self.session(plan)?;
        self.run(at_once, &session).await
    }

    fn set_limit(&self, at_once: u32) {
        if let (Bound::Limit { .. }, Subject::Called(called)) = (self.bound, &self.subject) {
            called.service.dispatcher.set_limit(at_least_one(at_once));
        }
    }

    fn session(&self, plan: Plan) -> Result<Arc<Session>, BenchError> {
        let session = Session::new(plan, self.subject.clone()).map_err(BenchError::Histogram)?;
        Ok(Arc::new(session))
    }

    async fn run(&mut self, at_once: u32, session: &Arc<Session>) -> Result<Record, BenchError> {
        let name = format!("{at_once} at once");
        // How many levels there will be shows as they are measured.
        let stage = Stage { name: &name, round: 1, rounds: 1, over: None };
        tokio::select! {
            ended = load::run(session) => ended.map_err(BenchError::Io)?,
            () = self.live.show(session, &stage) => {}
        }
        Ok(session.record().clone())
    }
}

/// Waits until it is known well enough how long calls take.
async fn until_sure(session: &Session, (clients, time): (NonZeroUsize, Duration)) {
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
        let is_sure = error.is_some_and(|(error, variation)| {
            let is_same = count >= FEW.max(all) && variation <= SAME;
            is_same || count >= SOME.max(all) && error <= ERROR
        });
        // Late is late, but each has to be heard of once, and one alone twice.
        if is_sure || begin.elapsed() >= time && requests >= all.max(2) {
            return;
        }
    }
}

fn at_least_one(count: u32) -> NonZeroUsize {
    NonZeroUsize::MIN.saturating_add(count.saturating_sub(1) as usize)
}
