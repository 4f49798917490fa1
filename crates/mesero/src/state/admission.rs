//! Admission of calls, and the granting of slots to jobs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Admission, DispatcherState, NotAdmitted, SlotGrant, Waiter};
use crate::call::{Call, Deadline, JobInfo, WhenFull};
use crate::event::Fact;
use crate::job::Job;
use crate::policy::limit::QueueEnd;
use crate::registry::{JobEntry, JobState};
use crate::{Phase, Refusal};

/// The advised wait while there are too few samples to compute one.
const UNKNOWN_DRAIN: Duration = Duration::from_secs(1);

/// The purpose of a new job.
#[derive(Debug, Clone, Copy)]
pub(super) enum JobPurpose {
    /// It answers the call that leads it.
    Answer { deadline: Option<Instant> },
    /// It replaces a stale reply; no call waits for it.
    Refresh { deadline: Option<Instant> },
}

impl<T> DispatcherState<T> {
    /// Answers from the cache, joins a job of the same key, admits a new job, or refuses.
    pub(crate) fn admit(
        &mut self,
        call: &mut Call,
        now: Instant,
    ) -> Result<Admission<T>, NotAdmitted> {
        if let Some(admission) = self.cached_answer(call, now) {
            return Ok(admission);
        }
        let deadline = self.deadline_of(call.deadline, now);
        if self.sharing.coalesce
            && let Some(key) = &call.key
            && let Some(entry) = self.registry.joinable(key)
        {
            entry.waiters += 1;
            entry.deadline = entry.deadline.zip(deadline).map(|(one, other)| one.max(other));
            let job = Arc::clone(&entry.job);
            self.calls_in_flight += 1;
            self.emit(now, Fact::CallJoined(Arc::clone(&job.info)));
            return Ok(Admission::Joined(job, deadline));
        }
        match (self.refusal(deadline, now), call.when_full) {
            (Some(Refusal::RateLimited { retry_after }), WhenFull::Wait) => {
                Err(NotAdmitted { after: Some(retry_after) })
            }
            (Some(Refusal::QueueFull { .. }), WhenFull::Wait) => Err(NotAdmitted { after: None }),
            (Some(refusal), _) => {
                Ok(self.stale_instead_of_refusal(call, now).unwrap_or_else(|| {
                    self.emit(now, Fact::CallRefused(refusal));
                    Admission::Refused(refusal)
                }))
            }
            (None, _) => {
                let (job, grant) = self.start(call, JobPurpose::Answer { deadline }, now);
                Ok(Admission::Led(job, deadline, grant))
            }
        }
    }

    pub(super) fn deadline_of(&self, deadline: Deadline, now: Instant) -> Option<Instant> {
        let after = match deadline {
            Deadline::FromPolicy => self.policy.deadline,
            Deadline::After(after) => Some(after),
            Deadline::Never => None,
        };
        // A time beyond the clock's end is no deadline.
        after.and_then(|after| now.checked_add(after))
    }

    pub(super) fn refusal(&self, deadline: Option<Instant>, now: Instant) -> Option<Refusal> {
        if self.draining {
            return Some(Refusal::Draining);
        }
        if let Some(retry_after) = self.bucket.as_ref().and_then(|bucket| bucket.wait(now)) {
            return Some(Refusal::RateLimited { retry_after });
        }
        let ahead = self.limit.queue_len();
        let wait = |ahead| self.wait_estimator.estimate(ahead, self.limit.limit());
        if self.limit.is_full() {
            // Without a queue a caller has to wait for the next slot.
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

    /// Registers a new job, with the call's key and arguments.
    pub(super) fn start(
        &mut self,
        call: &mut Call,
        purpose: JobPurpose,
        now: Instant,
    ) -> (Arc<Job<T>>, SlotGrant) {
        if let Some(bucket) = &mut self.bucket {
            bucket.take(now);
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
        let job = Arc::new(Job::new(info, self.sharing.clone_reply));
        if self.sharing.coalesce || matches!(purpose, JobPurpose::Refresh { .. }) {
            self.registry.allow_joining(&job.info);
        }
        let (waiters, deadline, fact) = match purpose {
            JobPurpose::Answer { deadline } => (1, deadline, Fact::CallLed(Arc::clone(&job.info))),
            JobPurpose::Refresh { deadline } => {
                (0, deadline, Fact::RefreshStarted(Arc::clone(&job.info)))
            }
        };
        self.registry.insert(JobEntry {
            job: Arc::clone(&job),
            state: JobState::Detached { phase: Phase::Queued },
            waiters,
            deadline,
            is_refresh: waiters == 0,
            attempts: 0,
            waited: Duration::ZERO,
            ran: Duration::ZERO,
        });
        self.calls_in_flight += u64::from(waiters == 1);
        self.emit(now, fact);
        let grant = self.take_or_queue(&job.info, QueueEnd::Back, now);
        (job, grant)
    }

    /// Requests a slot for a job's next attempt, in front of the queue.
    pub(crate) fn requeue(&mut self, job: &Arc<JobInfo>, now: Instant) -> SlotGrant {
        self.take_or_queue(job, QueueEnd::Front, now)
    }

    fn take_or_queue(&mut self, job: &Arc<JobInfo>, end: QueueEnd, now: Instant) -> SlotGrant {
        let (state, grant) = match self.limit.try_take() {
            Some(seat) => {
                self.occupancy.begin(seat, Arc::clone(job), now);
                self.emit(now, Fact::SlotTaken { job: Arc::clone(job), seat });
                (JobState::Granted { seat }, SlotGrant::Ready(seat))
            }
            None => {
                let is_retry = end == QueueEnd::Front;
                let (tx, rx) = oneshot::channel();
                let index = self.limit.enqueue(Waiter { job: job.id, tx }, end);
                self.stats.queue.retries += u64::from(is_retry);
                self.emit(now, Fact::JobQueued { job: Arc::clone(job), is_retry });
                (JobState::Queued { index, since: now, is_retry }, SlotGrant::Queued(rx))
            }
        };
        if let Some(entry) = self.registry.get_mut(job.id) {
            entry.state = state;
        }
        grant
    }
}
