//! What becomes of a call on arrival, and of a job that wants a slot.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Admission, NotYet, State, Turn, Waiter};
use crate::call::{Call, JobInfo, Patience, Room};
use crate::event::Fact;
use crate::job::Job;
use crate::policy::limit::Entrance;
use crate::registry::{At, Entry};
use crate::{Phase, Refusal};

/// What a client is told to wait where too little is known to compute it.
const UNKNOWN_DRAIN: Duration = Duration::from_secs(1);

impl<T> State<T> {
    /// Answers from the cache, joins a job of the same key, admits a new job, or refuses.
    pub(crate) fn admit(&mut self, call: &mut Call, now: Instant) -> Result<Admission<T>, NotYet> {
        let deadline = match call.patience {
            Patience::AsPolicy => self.policy.deadline,
            Patience::For(after) => Some(after),
            Patience::Endless => None,
        };
        // What lies beyond the clock's end is no deadline.
        let deadline = deadline.and_then(|after| now.checked_add(after));
        if let Some(key) = &call.key {
            if let (Some(cache), Some(share)) = (&mut self.sharing.cache, self.sharing.share)
                && let Some(value) = cache.get(key, now)
            {
                self.emit(now, Fact::CallCached);
                return Ok(Admission::Cached(value, share));
            }
            if self.sharing.coalesce
                && let Some(entry) = self.registry.flight(key)
            {
                entry.waiters += 1;
                entry.deadline = entry.deadline.zip(deadline).map(|(one, other)| one.max(other));
                let job = Arc::clone(&entry.job);
                self.calls_in_flight += 1;
                self.emit(now, Fact::CallJoined(Arc::clone(&job.info)));
                return Ok(Admission::Joined(job, deadline));
            }
        }
        match (self.refusal(deadline, now), call.room) {
            (Some(Refusal::RateLimited { retry_after }), Room::Wait) => {
                Err(NotYet { after: Some(retry_after) })
            }
            (Some(Refusal::QueueFull { .. }), Room::Wait) => Err(NotYet { after: None }),
            (Some(refusal), _) => {
                self.emit(now, Fact::CallRefused(refusal));
                Ok(Admission::Refused(refusal))
            }
            (None, _) => Ok(self.lead(call, deadline, now)),
        }
    }

    fn refusal(&self, deadline: Option<Instant>, now: Instant) -> Option<Refusal> {
        if self.draining {
            return Some(Refusal::Draining);
        }
        if let Some(retry_after) = self.meter.as_ref().and_then(|meter| meter.wait(now)) {
            return Some(Refusal::RateLimited { retry_after });
        }
        let ahead = self.limit.queue_len();
        let wait = |ahead| self.forecast.wait(ahead, self.limit.limit());
        if self.limit.is_full() {
            // Without a queue it is the next slot that a caller has to wait for.
            let retry_after = wait(ahead.max(1)).unwrap_or(UNKNOWN_DRAIN);
            return Some(Refusal::QueueFull { retry_after });
        }
        match (deadline, wait(ahead)) {
            (Some(deadline), Some(wait)) if wait > deadline - now => {
                Some(Refusal::DeadlineUnmeetable { expected_wait: wait })
            }
            _ => None,
        }
    }

    fn lead(&mut self, call: &mut Call, deadline: Option<Instant>, now: Instant) -> Admission<T> {
        if let Some(meter) = &mut self.meter {
            meter.take(now);
        }
        if let Some(budget) = &mut self.budget {
            budget.earn();
        }
        let info = JobInfo {
            id: self.registry.next_id(),
            key: call.key.take(),
            arguments: std::mem::take(&mut call.arguments),
            started: now,
        };
        let job = Arc::new(Job::new(info, self.sharing.share));
        if self.sharing.coalesce {
            self.registry.open(&job.info);
        }
        self.registry.insert(Entry {
            job: Arc::clone(&job),
            at: At::Off { phase: Phase::Queued },
            waiters: 1,
            deadline,
            attempts: 0,
            waited: Duration::ZERO,
            ran: Duration::ZERO,
        });
        self.calls_in_flight += 1;
        self.emit(now, Fact::CallLed(Arc::clone(&job.info)));
        let turn = self.take_turn(&job.info, Entrance::Back, now);
        Admission::Led(job, deadline, turn)
    }

    /// A job that has tried before wants to try again.
    pub(crate) fn rejoin(&mut self, job: &Arc<JobInfo>, now: Instant) -> Turn {
        self.take_turn(job, Entrance::Front, now)
    }

    fn take_turn(&mut self, job: &Arc<JobInfo>, entrance: Entrance, now: Instant) -> Turn {
        let (at, turn) = match self.limit.try_take() {
            Some(seat) => {
                self.occupancy.begin(seat, Arc::clone(job), now);
                self.emit(now, Fact::SlotTaken { job: Arc::clone(job), seat });
                (At::Granted { seat }, Turn::Now(seat))
            }
            None => {
                let again = entrance == Entrance::Front;
                let (tell, told) = oneshot::channel();
                let place = self.limit.enqueue(Waiter { job: job.id, tell }, entrance);
                self.stats.queue.retries += u64::from(again);
                self.emit(now, Fact::JobQueued { job: Arc::clone(job), again });
                (At::Queued { place, since: now, again }, Turn::Later(told))
            }
        };
        if let Some(entry) = self.registry.get_mut(job.id) {
            entry.at = at;
        }
        turn
    }
}
