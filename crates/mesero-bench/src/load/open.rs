//! An open load: requests are sent when they are due, independent of earlier ones.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::load::session::LoadSession;
use crate::load::timer::Timer;
use crate::plan::{ArrivalSchedule, Load, StopCondition};
use crate::stats::outcome::RequestOutcome;
use crate::stats::record::RequestTimes;
use crate::target::TargetClient;

/// Requests that are due, and not sent yet.
#[derive(Debug, Default)]
struct Backlog {
    state: Mutex<BacklogState>,
    more: Notify,
}

#[derive(Debug, Default)]
struct BacklogState {
    /// Due requests; at most those that become due within one timeout.
    due: VecDeque<DueRequest>,
    /// Clients that wait for a request.
    idle: usize,
    is_ended: bool,
}

#[derive(Debug, Clone, Copy)]
struct DueRequest {
    planned: Instant,
    /// Whether no client was free.
    is_delayed: bool,
}

/// Sends requests when they are due, and waits until all have ended. Dropped, it closes all connections.
pub(crate) async fn run(session: &Arc<LoadSession>) -> io::Result<()> {
    let plan = &session.plan;
    let Load::Open { rate, arrivals, concurrency } = plan.load else { return Ok(()) };
    let backlog = Arc::new(Backlog::default());
    let mut clients = JoinSet::new();
    let mut target_clients = session.target.target_clients();
    let mut timer = Timer::new()?;
    let mut counted = 0;
    for offset in ArrivalSchedule::new(rate, arrivals, plan.seed) {
        let is_ended = match plan.until {
            StopCondition::Time(time) => offset >= plan.warm_up + time,
            StopCondition::Requests(count) => counted >= count.get(),
        };
        if is_ended {
            break;
        }
        counted += u64::from(offset >= plan.warm_up);
        let planned = session.begin + offset;
        timer.until(planned).await?;
        if backlog.push(planned, clients.len() < concurrency.get()) {
            clients.spawn(client(Arc::clone(session), target_clients.next(), Arc::clone(&backlog)));
        }
    }
    backlog.end();
    while clients.join_next().await.is_some() {}
    Ok(())
}

async fn client(session: Arc<LoadSession>, mut caller: TargetClient, backlog: Arc<Backlog>) {
    while let Some(DueRequest { planned, is_delayed }) = backlog.next().await {
        let started = Instant::now();
        let until = planned + session.plan.timeout;
        let outcome = if started < until {
            session.send(&mut caller, until).await
        } else {
            RequestOutcome::Unsent
        };
        // An unsent request ends at its deadline, and not when a client became free.
        let ended = if matches!(outcome, RequestOutcome::Unsent) { until } else { Instant::now() };
        let mut record = session.record();
        record.add(RequestTimes { planned, started, ended }, outcome);
        if planned >= record.window.begin {
            if is_delayed { record.delayed += 1 } else { record.lag.add(started - planned) }
        }
    }
}

impl Backlog {
    /// Adds a due request. Returns whether it needs a new client, which `may_grow` must allow.
    fn push(&self, planned: Instant, may_grow: bool) -> bool {
        let mut state = self.state();
        let is_served = state.idle > 0;
        let is_delayed = !is_served && !may_grow;
        state.due.push_back(DueRequest { planned, is_delayed });
        if is_served {
            state.idle -= 1;
            drop(state);
            // The client that has waited the shortest has the warmest connection; and so few clients are in use.
            self.more.notify_last();
        }
        !is_served && may_grow
    }

    /// Waits for a request; none after the last one.
    async fn next(&self) -> Option<DueRequest> {
        loop {
            let more = self.more.notified();
            {
                let mut state = self.state();
                if let Some(due) = state.due.pop_front() {
                    return Some(due);
                }
                if state.is_ended {
                    return None;
                }
                state.idle += 1;
            }
            more.await;
        }
    }

    fn end(&self) {
        self.state().is_ended = true;
        self.more.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, BacklogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
