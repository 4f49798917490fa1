//! The queue in service: the job that gets the next slot, and jobs that leave without one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::occupancy::Occupant;
use super::{DispatcherState, SlotGrant, Waiter};
use crate::call::{JobId, JobInfo};
use crate::event::Fact;
use crate::policy::forecast::Candidate;
use crate::policy::queue::Pace;
use crate::registry::JobState;
use crate::{Error, Phase, Refusal};

/// The time at which a job stops waiting for a slot.
#[derive(Debug)]
pub(crate) enum WaitEnd {
    /// It has come: the job ends with this error.
    Now(Error),
    /// It comes at this instant, unless the deadline moves.
    At(Instant),
    Never,
}

impl<T> DispatcherState<T> {
    /// Requests a slot for a job's next attempt; a retry is served by its age.
    pub(crate) fn requeue(&mut self, job: &Arc<JobInfo>, now: Instant) -> SlotGrant {
        self.take_or_queue(job, true, now)
    }

    /// Takes a free slot, or enters the queue.
    pub(super) fn take_or_queue(
        &mut self,
        job: &Arc<JobInfo>,
        is_retry: bool,
        now: Instant,
    ) -> SlotGrant {
        // Only a job that has ended has no entry; its task takes no grant.
        let (tx, rx) = oneshot::channel();
        let Some(entry) = self.registry.get_mut(job.id) else { return SlotGrant::Queued(rx) };
        let ticket = entry.ticket;
        let free = self.queue.may_take_slot(ticket.tenant).then(|| self.limit.take()).flatten();
        let Some(seat) = free else {
            let run = self.forecast.mean(entry.kind.as_ref());
            let work = self.wait_estimator.occupation(run);
            self.wait_estimator.enter(work);
            entry.state = JobState::Queued { since: now, is_retry, work };
            self.queue.push(&ticket, Waiter { job: job.id, tx }, now);
            self.stats.queue.retries += u64::from(is_retry);
            self.emit(now, Fact::JobQueued { job: Arc::clone(job), is_retry });
            return SlotGrant::Queued(rx);
        };
        entry.state = JobState::Granted { seat };
        self.occupy(job, seat, now);
        SlotGrant::Ready(seat)
    }

    fn occupy(&mut self, job: &Arc<JobInfo>, seat: usize, now: Instant) {
        if let Some(entry) = self.registry.get(job.id) {
            let charge = self.queue.slot_taken(entry.ticket.tenant);
            self.occupancy.begin(seat, Occupant::new(Arc::clone(job), charge, now));
            self.emit(now, Fact::SlotTaken { job: Arc::clone(job), seat });
        }
    }

    /// Grants free slots to waiters. A job that cannot finish is not begun: it leaves.
    pub(super) fn serve_queue(&mut self, now: Instant) {
        while self.limit.can_take() {
            let overloaded = self.is_overloaded(now);
            let safe_age =
                if overloaded { self.caller_timeouts.safe_age(now) } else { Duration::ZERO };
            let pace = Pace { slots: self.limit.limit(), run: self.usual_run(), safe_age };
            let Some(waiter) = self.queue.next(&pace, now) else { return };
            let id = waiter.job;
            match self.comes_too_late(id, now) {
                Some(error) => self.stop(id, error, now),
                None => self.grant(id, now),
            }
        }
    }

    fn grant(&mut self, id: JobId, now: Instant) {
        let Some(entry) = self.registry.get(id) else { return };
        let (job, ticket) = (Arc::clone(&entry.job.info), entry.ticket);
        let slots = self.limit.limit();
        let Some(waiter) = self.queue.serve(&ticket, slots, now) else { return };
        if let Some(seat) = self.limit.take() {
            self.unqueued(id, JobState::Granted { seat }, now);
            self.occupy(&job, seat, now);
            self.effects.grants.push((waiter.tx, seat));
        }
    }

    /// Takes a job out of the queue, if it is there; this wakes its task.
    pub(super) fn dequeue(&mut self, id: JobId, now: Instant) {
        if let Some(entry) = self.registry.get(id)
            && let JobState::Queued { .. } = entry.state
        {
            let ticket = entry.ticket;
            drop(self.queue.remove(&ticket, now));
            self.unqueued(id, JobState::Detached { phase: Phase::Queued }, now);
        }
    }

    /// Records that a job has left the queue, which it is no longer part of.
    fn unqueued(&mut self, id: JobId, next: JobState, now: Instant) {
        let Some(entry) = self.registry.get_mut(id) else { return };
        let JobState::Queued { since, is_retry, work } = std::mem::replace(&mut entry.state, next)
        else {
            return;
        };
        self.wait_estimator.leave(work);
        let waited = now - since;
        entry.waited += waited;
        let job = Arc::clone(&entry.job.info);
        self.stats.queue.retries -= u64::from(is_retry);
        self.effects.room_freed = true;
        self.emit(now, Fact::JobUnqueued { job, waited, is_retry });
    }

    /// The end of a job's wait for a slot, as far as it is known now.
    pub(crate) fn end_of_wait(&mut self, id: JobId, now: Instant) -> WaitEnd {
        let end = self.latest_start(id, now);
        if let (WaitEnd::Now(_), Some(entry)) = (&end, self.registry.get(id)) {
            // No call joins a job that is about to end.
            let job = Arc::clone(&entry.job.info);
            self.registry.forbid_joining(&job);
        }
        end
    }

    /// The end of a job's wait: the time from which it cannot finish before its deadline, or the
    /// queue's timeout for a job that has not begun.
    fn latest_start(&mut self, id: JobId, now: Instant) -> WaitEnd {
        let Some(entry) = self.registry.get(id) else { return WaitEnd::Never };
        let timeout = self.policy.queue_timeout.filter(|_| entry.attempts == 0).and_then(|after| {
            let at = entry.job.info.started.checked_add(after)?;
            Some((at, Error::Refused(Refusal::QueueTimeout { after })))
        });
        let in_time = match entry.deadline {
            Some(at) if at <= now => return WaitEnd::Now(Error::Expired { phase: Phase::Queued }),
            Some(at) => {
                let needed = self.forecast.needed(entry.kind.as_ref(), now).unwrap_or_default();
                if needed > at - entry.job.info.started {
                    // It never had the time; it waits to be tried, since the forecast may be wrong.
                    Some(at)
                } else if needed > at - now {
                    return WaitEnd::Now(no_time_for(needed));
                } else {
                    // The first instant at which it would be too late, as fine as timers are.
                    Some(at - needed + Duration::from_millis(1))
                }
            }
            None => None,
        };
        match timeout {
            Some((at, error)) if at <= now => WaitEnd::Now(error),
            Some((at, _)) => WaitEnd::At(in_time.map_or(at, |in_time| in_time.min(at))),
            None => in_time.map_or(WaitEnd::Never, WaitEnd::At),
        }
    }

    /// The reason for which a waiting job does not begin now that there is a slot for it.
    fn comes_too_late(&mut self, id: JobId, now: Instant) -> Option<Error> {
        if let WaitEnd::Now(error) = self.latest_start(id, now) {
            return Some(error);
        }
        let entry = self.registry.get(id)?;
        let (kind, left) = (entry.kind.as_ref(), entry.deadline.map(|at| at - now));
        let candidate = Candidate { kind, left, waited: true };
        if self.forecast.may_begin(candidate, now) {
            return None;
        }
        Some(no_time_for(self.forecast.needed(kind, now).unwrap_or_default()))
    }

    /// True while the newest job is served first.
    pub(super) fn is_overloaded(&self, now: Instant) -> bool {
        self.queue.is_newest_first(self.usual_run(), now)
    }

    /// The length of a usual run, once one has ended.
    pub(super) fn usual_run(&self) -> Option<Duration> {
        self.wait_estimator.mean()
    }
}

fn no_time_for(expected_run: Duration) -> Error {
    let expected_wait = Duration::ZERO;
    Error::Refused(Refusal::DeadlineUnmeetable { expected_wait, expected_run })
}
