//! An open load: requests come when they were planned to, whatever became of the earlier ones.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::load::session::Session;
use crate::load::timer::Timer;
use crate::plan::{Load, Schedule, Until};
use crate::stats::outcome::Outcome;
use crate::stats::record::Instants;
use crate::target::Caller;

/// Requests on their way from the schedule to a connection.
#[derive(Debug, Default)]
struct Backlog {
    state: Mutex<State>,
    more: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Those that are due; never more than come within the patience of a client.
    due: VecDeque<Due>,
    /// Clients who wait for something to do.
    idle: usize,
    is_over: bool,
}

#[derive(Debug, Clone, Copy)]
struct Due {
    planned: Instant,
    /// Whether no client was free.
    is_delayed: bool,
}

/// Follows the schedule, and waits until all requests are over.
pub(crate) async fn run(session: &Arc<Session>) -> io::Result<()> {
    let plan = &session.plan;
    let Load::Open { rate, arrivals, at_once } = plan.load else { return Ok(()) };
    let backlog = Arc::new(Backlog::default());
    let mut clients = JoinSet::new();
    let mut callers = session.subject.callers();
    let mut timer = Timer::new()?;
    let mut counted = 0;
    for offset in Schedule::new(rate, arrivals, plan.seed) {
        let is_over = match plan.until {
            Until::Time(time) => offset >= plan.warm_up + time,
            Until::Requests(count) => counted >= count.get(),
        };
        if is_over {
            break;
        }
        counted += u64::from(offset >= plan.warm_up);
        let planned = session.begin + offset;
        timer.until(planned).await?;
        if backlog.push(planned, clients.len() < at_once.get()) {
            clients.spawn(client(Arc::clone(session), callers.next(), Arc::clone(&backlog)));
        }
    }
    backlog.end();
    while clients.join_next().await.is_some() {}
    Ok(())
}

async fn client(session: Arc<Session>, mut caller: Caller, backlog: Arc<Backlog>) {
    while let Some(Due { planned, is_delayed }) = backlog.next().await {
        let begun = Instant::now();
        let until = planned + session.plan.patience;
        let outcome =
            if begun < until { session.ask(&mut caller, until).await } else { Outcome::Unsent };
        // Whoever is unsent has left when his patience was over, and not when we got round to him.
        let ended = if matches!(outcome, Outcome::Unsent) { until } else { Instant::now() };
        let mut record = session.record();
        record.add(Instants { planned, begun, ended }, outcome);
        if planned >= record.window.begin {
            match is_delayed {
                true => record.delayed += 1,
                false => record.lag.add(begun - planned),
            }
        }
    }
}

impl Backlog {
    /// A request is due. Returns whether it needs another client, who may be made.
    fn push(&self, planned: Instant, may_grow: bool) -> bool {
        let mut state = self.state();
        let is_served = state.idle > 0;
        let is_delayed = !is_served && !may_grow;
        state.due.push_back(Due { planned, is_delayed });
        if is_served {
            state.idle -= 1;
            drop(state);
            // The one who waits the shortest has the warmest connection, and few stay in use.
            self.more.notify_last();
        }
        !is_served && may_grow
    }

    /// Waits for a request; none when there will be no more.
    async fn next(&self) -> Option<Due> {
        loop {
            let more = self.more.notified();
            {
                let mut state = self.state();
                if let Some(due) = state.due.pop_front() {
                    return Some(due);
                }
                if state.is_over {
                    return None;
                }
                state.idle += 1;
            }
            more.await;
        }
    }

    fn end(&self) {
        self.state().is_over = true;
        self.more.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
