//! Everything under the lock: each change is one synchronous method that takes the time.
//!
//! A change leaves its work for outside the lock (delivering a slot, notifying observers, waking
//! tasks that wait for idleness) in [`Effects`], which are carried out when the lock is released.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::answer::{Answer, CallReport, Origin};
use crate::call::JobId;
use crate::event::{Event, Fact};
use crate::job::{CloneFn, Job};
use crate::policy::Policy;
use crate::policy::adaptive::Adaptive;
use crate::policy::adaptive::knee::KneeWatch;
use crate::policy::cache::store::{Aged, ReplyStore};
use crate::policy::caller_timeouts::CallerTimeouts;
use crate::policy::forecast::Forecast;
use crate::policy::limit::Limit;
use crate::policy::queue::{QueueRules, Tenants, WaitingQueue};
use crate::policy::rate::TokenBucket;
use crate::policy::retry::RetryBudget;
use crate::policy::wait_estimator::WaitEstimator;
use crate::registry::Registry;
use crate::slot::{Slot, Stop};
use crate::stats::Stats;
use crate::{Error, Refusal};

mod adapting;
mod admission;
mod caching;
mod ending;
mod list;
mod occupancy;
mod outlook;
pub(crate) mod progress;
pub(crate) mod serving;

use occupancy::{Occupancy, Occupant, Vacated};

/// The whole state of a dispatcher.
#[derive(Debug)]
pub(crate) struct DispatcherState<T> {
    policy: Policy,
    sharing: Sharing<T>,
    limit: Limit,
    queue: WaitingQueue<Waiter>,
    /// Set if the limit finds itself.
    adaptive: Option<Adaptive>,
    /// Set if it is fixed, and observed.
    knee: Option<KneeWatch>,
    registry: Registry<T>,
    occupancy: Occupancy,
    bucket: Option<TokenBucket>,
    budget: Option<RetryBudget>,
    wait_estimator: WaitEstimator,
    forecast: Forecast,
    /// True once a call has had a deadline: run times are of use.
    forecasts: bool,
    caller_timeouts: CallerTimeouts,
    random: fastrand::Rng,
    stats: Stats,
    calls_in_flight: u64,
    draining: bool,
    observed: bool,
    /// Tasks to wake when there is room, and when work ends; usually none.
    pub(crate) waiter_counts: WaiterCounts,
    effects: Effects,
}

/// Numbers of waiting tasks.
#[derive(Debug, Default)]
pub(crate) struct WaiterCounts {
    pub(crate) room: usize,
    pub(crate) end_of_work: usize,
}

/// The sharing of replies between calls of the same key.
#[derive(Debug)]
pub(crate) struct Sharing<T> {
    /// Set if a reply may go to several waiters.
    pub(crate) clone_reply: Option<CloneFn<T>>,
    pub(crate) coalesce: bool,
    pub(crate) cache: Option<ReplyStore<T>>,
}

/// A queued job, and the channel to its task.
#[derive(Debug)]
pub(crate) struct Waiter {
    job: JobId,
    tx: oneshot::Sender<Slot>,
}

/// Work to do once the lock is released.
#[derive(Debug, Default)]
#[must_use = "a task waits for it"]
pub(crate) struct Effects {
    pub(crate) grants: Vec<(oneshot::Sender<Slot>, usize)>,
    pub(crate) events: Vec<Event>,
    /// The queue has more room than before, and a call waits for it.
    pub(crate) room_freed: bool,
    pub(crate) limit_changed: bool,
    /// A call, a job or a slot has ended, and a task waits for that.
    pub(crate) work_ended: bool,
}

/// The decision about a call on its arrival.
#[derive(Debug)]
pub(crate) enum Admission<T> {
    Cached(CacheHit<T>, Origin),
    /// Answered from the cache, whose entry a job without callers refreshes.
    CachedAndRefreshing(CacheHit<T>, Arc<Job<T>>, SlotGrant),
    Joined(Arc<Job<T>>, Option<Instant>),
    Led(Arc<Job<T>>, Option<Instant>, SlotGrant),
    Refused(Refusal),
}

/// An answer from the cache, to be cloned when the lock is released.
#[derive(Debug)]
pub(crate) struct CacheHit<T> {
    result: Aged<Result<Arc<T>, Error>>,
    clone_reply: CloneFn<T>,
}

impl<T> CacheHit<T> {
    pub(crate) fn answer(self, report: CallReport) -> Answer<T> {
        let Aged { value, age } = self.result;
        let result = value.map(|reply| (self.clone_reply)(&reply));
        Answer { result, report: CallReport { age: Some(age), ..report } }
    }
}

/// The call waits for room: it tries again when there is some, or after this time.
#[derive(Debug)]
pub(crate) struct NotAdmitted {
    pub(crate) after: Option<Duration>,
}

/// The grant of a slot: at once, or through the queue.
#[derive(Debug)]
pub(crate) enum SlotGrant {
    Ready(usize),
    Queued(oneshot::Receiver<Slot>),
}

/// The reason for which a waiter stops waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeaveReason {
    Expired,
    Disconnected,
}

impl<T> DispatcherState<T> {
    pub(crate) fn new(policy: Policy, sharing: Sharing<T>, observed: bool) -> Self {
        let rules = QueueRules {
            order: policy.order,
            bound: policy.queue,
            head_start: policy.head_start,
            tenant_limit: policy.per_tenant.limit,
        };
        let adaptive = policy.adaptive_limit.map(|bounds| {
            Adaptive::new(policy.seats.map_or(bounds, |seats| bounds.at_most(seats)))
        });
        let limit = adaptive.as_ref().map_or(policy.limit, Adaptive::limit);
        Self {
            limit: Limit::new(limit, policy.seats),
            knee: (adaptive.is_none() && observed).then(KneeWatch::default),
            adaptive,
            queue: WaitingQueue::new(rules, Tenants::new(policy.per_tenant.clone(), policy.order)),
            registry: Registry::default(),
            occupancy: Occupancy::default(),
            bucket: policy.rate.map(TokenBucket::new),
            budget: policy.retry.as_ref().map(RetryBudget::new),
            wait_estimator: WaitEstimator::default(),
            forecast: Forecast::default(),
            forecasts: policy.deadline.is_some(),
            caller_timeouts: CallerTimeouts::default(),
            random: fastrand::Rng::new(),
            stats: Stats::default(),
            calls_in_flight: 0,
            draining: false,
            observed,
            waiter_counts: WaiterCounts::default(),
            effects: Effects::default(),
            policy,
            sharing,
        }
    }

    /// Takes the effects of the last change.
    pub(crate) fn take_effects(&mut self) -> Effects {
        let mut effects = std::mem::take(&mut self.effects);
        effects.room_freed &= self.waiter_counts.room > 0;
        effects.work_ended &= self.waiter_counts.end_of_work > 0;
        effects
    }

    /// Takes a slot back: the code that occupied the resource has really stopped.
    pub(crate) fn give_back(&mut self, seat: usize, now: Instant) {
        self.limit.give_back(seat);
        if let Some(Vacated { held, overdue, charge, kind }) = self.occupancy.end(seat, now) {
            if let Some(kind) = kind {
                self.forecast.end(kind);
            }
            self.wait_estimator.record(held, overdue);
            if self.is_overloaded(now) {
                self.caller_timeouts.slot_held(held, now);
            }
            self.queue.slot_returned(charge, held);
            self.emit(now, Fact::SlotReturned { seat, held, overdue });
        }
        self.effects.room_freed = true;
        self.effects.work_ended = true;
        self.serve_queue(now);
    }

    /// Records that the abandoned attempt at this seat has really stopped.
    pub(crate) fn stopped(&mut self, seat: usize, stop: Stop, now: Instant) {
        if let Some(Occupant { job, attempt: number, .. }) = self.occupancy.occupant(seat) {
            let (job, number) = (Arc::clone(job), *number);
            self.emit(now, Fact::AttemptStopped { job, number, stop });
        }
    }

    pub(crate) fn close_seat(&mut self, seat: usize) {
        self.limit.close(seat);
    }

    pub(crate) fn open_seat(&mut self, seat: usize, now: Instant) {
        self.limit.open(seat);
        self.effects.room_freed = true;
        self.serve_queue(now);
    }

    /// The job's current deadline: followers may have moved it. Once it has passed, calls can no
    /// longer join the job, so it cannot move.
    pub(crate) fn deadline(&mut self, id: JobId, now: Instant) -> Option<Instant> {
        let entry = self.registry.get(id)?;
        let deadline = entry.deadline?;
        if deadline <= now {
            let job = Arc::clone(&entry.job.info);
            self.registry.forbid_joining(&job);
        }
        Some(deadline)
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.policy.timeout
    }

    pub(crate) fn notice_blocking(&self) -> Option<Duration> {
        self.policy.notice_blocking
    }

    pub(crate) fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.policy.timeout = timeout;
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit.limit()
    }

    fn emit(&mut self, at: Instant, fact: Fact) {
        self.stats.fold(&fact);
        if self.observed {
            self.effects.events.push(Event { at, fact });
        }
    }
}
