//! Views of the state: the list of jobs, and the counts.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::DispatcherState;
use super::outlook::Prospect;
use crate::Phase;
use crate::answer::Origin;
use crate::call::JobId;
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
        let prospects = self.prospects(now);
        let prospect = |id| prospects.get(&id).copied().unwrap_or_default();
        let entries = self.registry.iter();
        let mut views: Vec<_> =
            entries.map(|entry| view(entry, prospect(entry.job.id()), now)).collect();
        views.sort_unstable_by_key(|view| view.info.id);
        views.extend(self.stopping(now));
        views
    }

    /// One job; if it is queued, this takes time in proportion to the queue.
    pub(crate) fn job(&self, id: JobId, now: Instant) -> Option<JobView> {
        let Some(entry) = self.registry.get(id) else {
            return self.stopping(now).find(|view| view.info.id == id);
        };
        let prospect = match entry.state.phase() {
            Phase::Queued => self.prospects(now).get(&id).copied().unwrap_or_default(),
            _ => Prospect::default(),
        };
        Some(view(entry, prospect, now))
    }

    fn stopping(&self, now: Instant) -> impl Iterator<Item = JobView> {
        self.occupancy.stopping().map(move |(seat, occupant, since)| JobView {
            info: Arc::clone(&occupant.job),
            phase: Phase::Stopping,
            position: None,
            eta: None,
            seat: Some(seat),
            age: now - occupant.job.started,
            attempts: occupant.attempt,
            waiters: 0,
            waited: Duration::ZERO,
            ran: since - occupant.since,
        })
    }
}

fn view<T>(entry: &JobEntry<T>, prospect: Prospect, now: Instant) -> JobView {
    let report = entry.report(Origin::Led, now);
    JobView {
        info: Arc::clone(&entry.job.info),
        phase: entry.state.phase(),
        position: prospect.position,
        eta: prospect.eta,
        seat: entry.state.seat(),
        age: now - entry.job.info.started,
        attempts: report.attempts,
        waiters: entry.waiters,
        waited: report.waited,
        ran: report.ran,
    }
}
