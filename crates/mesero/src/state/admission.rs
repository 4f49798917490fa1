//! Admission of calls, and the granting of slots to jobs.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Admission, DispatcherState, NotAdmitted, SlotGrant};
use crate::call::{Call, Deadline, JobInfo, WhenFull};
use crate::event::Fact;
use crate::job::Job;
use crate::policy::forecast::Candidate;
use crate::policy::queue::Ticket;
use crate::registry::{JobEntry, JobState};
use crate::{Error, Phase, Refusal};

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
        self.forecasts |= deadline.is_some();
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
        let ticket = self.ticket(call, now);
        match (self.refusal(call, &ticket, deadline), call.when_full) {
            (Some(Refusal::RateLimited { retry_after }), WhenFull::Wait) => {
                return Err(NotAdmitted { after: Some(retry_after) });
            }
            (Some(Refusal::QueueFull { .. } | Refusal::TenantQueueFull { .. }), WhenFull::Wait) => {
                return Err(NotAdmitted { after: None });
            }
            (Some(refusal), _) if !self.make_room(&ticket, refusal, now) => {
                return Ok(self.stale_instead_of_refusal(call, now).unwrap_or_else(|| {
                    self.emit(now, Fact::CallRefused(refusal));
                    Admission::Refused(refusal)
                }));
            }
            _ => {}
        }
        let (job, grant) = self.start(call, ticket, JobPurpose::Answer { deadline });
        Ok(Admission::Led(job, deadline, grant))
    }

    /// Makes room for a new job in a full queue, by refusing waiting jobs with less claim; false if
    /// it is refused for another reason, or has the least claim itself.
    fn make_room(&mut self, ticket: &Ticket, refusal: Refusal, now: Instant) -> bool {
        if !matches!(refusal, Refusal::QueueFull { .. }) {
            return false;
        }
        // Usually one; retries may have filled the queue beyond its bound.
        while self.queue.len() >= self.queue.bound() {
            let displaced = self.queue.displaced(ticket, self.usual_run(), now);
            let Some(id) = displaced.map(|waiter| waiter.job) else { return false };
            self.stop(id, Error::Refused(refusal), now);
        }
        true
    }

    /// The claim of a new job for this call.
    pub(super) fn ticket(&mut self, call: &Call, now: Instant) -> Ticket {
        Ticket {
            job: self.registry.next_id(),
            tenant: self.queue.tenants.of(call.tenant.as_ref()),
            arrived: now,
            urgency: call.urgency.0,
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

    /// The reason to refuse a new job, if there is one.
    pub(super) fn refusal(
        &mut self,
        call: &Call,
        ticket: &Ticket,
        deadline: Option<Instant>,
    ) -> Option<Refusal> {
        let now = ticket.arrived;
        if self.draining {
            return Some(Refusal::Draining);
        }
        let bucket = self.bucket.as_ref().and_then(|bucket| bucket.wait(now));
        if let Some(retry_after) = bucket.max(self.queue.tenants.rate_wait(ticket.tenant, now)) {
            return Some(Refusal::RateLimited { retry_after });
        }
        let starts_now = self.limit.can_take() && self.queue.may_take_slot(ticket.tenant);
        if !starts_now && self.queue.tenants.is_full(ticket.tenant) {
            return Some(Refusal::TenantQueueFull { retry_after: self.time_to_drain(ticket) });
        }
        if let Some(unmeetable) = deadline.and_then(|at| self.unmeetable(call, ticket, at)) {
            return Some(unmeetable);
        }
        (!starts_now && self.queue.len() >= self.queue.bound())
            .then(|| Refusal::QueueFull { retry_after: self.time_to_drain(ticket) })
    }

    /// The refusal of a job that cannot finish before its deadline.
    fn unmeetable(&mut self, call: &Call, ticket: &Ticket, deadline: Instant) -> Option<Refusal> {
        let (now, kind) = (ticket.arrived, call.kind.as_ref());
        let (ahead, slots) = (self.ahead(ticket), self.limit.limit());
        let expected_wait = self.wait_estimator.wait(ahead, self.queue.len(), slots);
        let expected_run = self.forecast.needed(kind, now).unwrap_or_default();
        let left = deadline.saturating_duration_since(now);
        let too_long = if expected_run > left && expected_wait <= left {
            let candidate = Candidate { kind, left: Some(left), waited: false };
            !self.forecast.may_begin(candidate, now)
        } else {
            expected_wait + expected_run > left
        };
        too_long.then_some(Refusal::DeadlineUnmeetable { expected_wait, expected_run })
    }

    fn ahead(&self, ticket: &Ticket) -> usize {
        self.queue.ahead(ticket, self.usual_run(), ticket.arrived)
    }

    /// The expected time until the jobs before this one have slots.
    fn time_to_drain(&self, ticket: &Ticket) -> Duration {
        // Without a queue a caller has to wait for the next slot.
        let jobs = self.ahead(ticket).max(1);
        self.wait_estimator.pace(jobs, self.limit.limit()).unwrap_or(UNKNOWN_DRAIN)
    }

    /// Registers a new job, with the call's key and arguments, which arrives now.
    pub(super) fn start(
        &mut self,
        call: &mut Call,
        ticket: Ticket,
        purpose: JobPurpose,
    ) -> (Arc<Job<T>>, SlotGrant) {
        let now = ticket.arrived;
        self.queue.tenants.hold(ticket.tenant);
        self.queue.tenants.use_rate(ticket.tenant, now);
        if let Some(bucket) = &mut self.bucket {
            bucket.take(now);
        }
        if let Some(budget) = &mut self.budget {
            budget.earn();
        }
        let info = JobInfo {
            id: ticket.job,
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
            ticket,
            kind: call.kind.take(),
            waiters,
            deadline,
            is_refresh: waiters == 0,
            attempts: 0,
            retry: None,
            waited: Duration::ZERO,
            ran: Duration::ZERO,
        });
        self.calls_in_flight += u64::from(waiters == 1);
        self.emit(now, fact);
        let grant = self.take_or_queue(&job.info, false, now);
        (job, grant)
    }
}
