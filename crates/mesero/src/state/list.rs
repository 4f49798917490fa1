//! Views of the state: the list of jobs, and the counts.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::DispatcherState;
use crate::Phase;
use crate::call::{JobId, Origin};
use crate::registry::{JobEntry, JobView};
use crate::stats::Stats;

impl<T> DispatcherState<T> {
    /// The counts; those in flight are read from the registry and the limit.
    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.stats;
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        stats.calls.in_flight = self.calls_in_flight;
        stats.jobs.in_flight = count(self.registry.len());
        stats.slots.in_use = count(self.limit.in_use());
        stats.slots.total = count(self.limit.ceiling());
        stats.slots.closed = count(self.limit.closed());
        stats.queue.len = count(self.queue.len());
        stats.queue.bound = count(self.queue.bound());
        stats
    }

    /// Every job in flight in the order of admission, then every attempt that has outlived its job.
    pub(crate) fn jobs(&self, now: Instant) -> Vec<JobView> {
        let positions = self.positions(now);
        let mut views: Vec<_> = self
            .registry
            .iter()
            .map(|entry| view(entry, positions.get(&entry.job.id()).copied(), now))
            .collect();
        views.sort_unstable_by_key(|view| view.info.id);
        views.extend(self.stopping(now));
        views
    }

    /// The positions of all jobs in the queue, unless the newest is served first.
    fn positions(&self, now: Instant) -> HashMap<JobId, usize> {
        let run = self.usual_run();
        if self.queue.is_newest_first(run, now) {
            return HashMap::new();
        }
        self.queue.in_order(run, now).into_iter().map(|waiter| waiter.job).zip(1..).collect()
    }

    /// One job; if it is queued, this takes time in proportion to the queue.
    pub(crate) fn job(&self, id: JobId, now: Instant) -> Option<JobView> {
        let Some(entry) = self.registry.get(id) else {
            return self.stopping(now).find(|view| view.info.id == id);
        };
        let position = match entry.state.phase() {
            Phase::Queued => self.positions(now).get(&id).copied(),
            _ => None,
        };
        Some(view(entry, position, now))
    }

    fn stopping(&self, now: Instant) -> impl Iterator<Item = JobView> {
        self.occupancy.stopping().map(move |(seat, occupant, since)| JobView {
            info: Arc::clone(&occupant.job),
            phase: Phase::Stopping,
            position: None,
            seat: Some(seat),
            age: now - occupant.job.started,
            attempts: occupant.attempt,
            waiters: 0,
            waited: Duration::ZERO,
            ran: since - occupant.since,
        })
    }
}

fn view<T>(entry: &JobEntry<T>, position: Option<usize>, now: Instant) -> JobView {
    let report = entry.report(Origin::Led, now);
    JobView {
        info: Arc::clone(&entry.job.info),
        phase: entry.state.phase(),
        position,
        seat: entry.state.seat(),
        age: now - entry.job.info.started,
        attempts: report.attempts,
        waiters: entry.waiters,
        waited: report.waited,
        ran: report.ran,
    }
}
