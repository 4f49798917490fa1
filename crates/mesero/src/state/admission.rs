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

/// What a new job is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// The call that leads it waits for its answer.
    Answer { deadline: Option<Instant> },
    /// A stale reply is to be replaced; nobody waits.
    Refresh { deadline: Option<Instant> },
}

impl<T> State<T> {
    /// Answers from the cache, joins a job of the same key, admits a new job, or refuses.
    pub(crate) fn admit(&mut self, call: &mut Call, now: Instant) -> Result<Admission<T>, NotYet> {
        if let Some(admission) = self.kept_answer(call, now) {
            return Ok(admission);
        }
        let deadline = self.deadline_of(call.patience, now);
        if self.sharing.coalesce
            && let Some(key) = &call.key
            && let Some(entry) = self.registry.flight(key)
        {
            entry.waiters += 1;
            entry.deadline = entry.deadline.zip(deadline).map(|(one, other)| one.max(other));
            let job = Arc::clone(&entry.job);
            self.calls_in_flight += 1;
            self.emit(now, Fact::CallJoined(Arc::clone(&job.info)));
            return Ok(Admission::Joined(job, deadline));
        }
        match (self.refusal(deadline, now), call.room) {
            (Some(Refusal::RateLimited { retry_after }), Room::Wait) => {
                Err(NotYet { after: Some(retry_after) })
            }
            (Some(Refusal::QueueFull { .. }), Room::Wait) => Err(NotYet { after: None }),
            (Some(refusal), _) => {
                Ok(self.stale_instead_of_refusal(call, now).unwrap_or_else(|| {
                    self.emit(now, Fact::CallRefused(refusal));
                    Admission::Refused(refusal)
                }))
            }
            (None, _) => {
                let (job, turn) = self.start(call, Purpose::Answer { deadline }, now);
                Ok(Admission::Led(job, deadline, turn))
            }
        }
    }

    pub(super) fn deadline_of(&self, patience: Patience, now: Instant) -> Option<Instant> {
        let after = match patience {
            Patience::AsPolicy => self.policy.deadline,
            Patience::For(after) => Some(after),
            Patience::Endless => None,
        };
        // What lies beyond the clock's end is no deadline.
        after.and_then(|after| now.checked_add(after))
    }

    pub(super) fn refusal(&self, deadline: Option<Instant>, now: Instant) -> Option<Refusal> {
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

    /// Enters a new job, with the call's key and arguments.
    pub(super) fn start(
        &mut self,
        call: &mut Call,
        purpose: Purpose,
        now: Instant,
    ) -> (Arc<Job<T>>, Turn) {
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
        if self.sharing.coalesce || matches!(purpose, Purpose::Refresh { .. }) {
            self.registry.open(&job.info);
        }
        let (waiters, deadline, fact) = match purpose {
            Purpose::Answer { deadline } => (1, deadline, Fact::CallLed(Arc::clone(&job.info))),
            Purpose::Refresh { deadline } => {
                (0, deadline, Fact::RefreshStarted(Arc::clone(&job.info)))
            }
        };
        self.registry.insert(Entry {
            job: Arc::clone(&job),
            at: At::Off { phase: Phase::Queued },
            waiters,
            deadline,
            stays: waiters == 0,
            attempts: 0,
            waited: Duration::ZERO,
            ran: Duration::ZERO,
        });
        self.calls_in_flight += u64::from(waiters == 1);
        self.emit(now, fact);
        let turn = self.take_turn(&job.info, Entrance::Back, now);
        (job, turn)
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
                let (tx, rx) = oneshot::channel();
                let place = self.limit.enqueue(Waiter { job: job.id, tx }, entrance);
                self.stats.queue.retries += u64::from(again);
                self.emit(now, Fact::JobQueued { job: Arc::clone(job), again });
                (At::Queued { place, since: now, again }, Turn::Later(rx))
            }
        };
        if let Some(entry) = self.registry.get_mut(job.id) {
            entry.at = at;
        }
        turn
    }
}
