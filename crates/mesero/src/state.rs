//! Everything under the lock: each change is one synchronous method that takes the time.
//!
//! What a change has to do outside (hand a slot over, tell observers, wake those who wait for
//! idleness) is left in [`Effects`], and done when the lock is released.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::call::{Answer, CallReport, JobId, Origin};
use crate::event::{Event, Fact};
use crate::job::{CloneFn, Job};
use crate::policy::Policy;
use crate::policy::cache::store::{Aged, ReplyStore};
use crate::policy::limit::{Grant, Limit};
use crate::policy::rate::TokenBucket;
use crate::policy::retry::RetryBudget;
use crate::policy::wait_estimator::WaitEstimator;
use crate::registry::{JobState, Registry};
use crate::slot::{Slot, Stop};
use crate::stats::Stats;
use crate::{Error, Refusal};

mod admission;
mod caching;
mod ending;
mod list;
mod occupancy;
mod progress;

use occupancy::{Occupancy, Occupant};

/// A dispatcher's whole state.
#[derive(Debug)]
pub(crate) struct DispatcherState<T> {
    policy: Policy,
    sharing: Sharing<T>,
    limit: Limit<Waiter>,
    registry: Registry<T>,
    occupancy: Occupancy,
    bucket: Option<TokenBucket>,
    budget: Option<RetryBudget>,
    wait_estimator: WaitEstimator,
    random: fastrand::Rng,
    stats: Stats,
    calls_in_flight: u64,
    draining: bool,
    observed: bool,
    /// Who has to be woken when there is room, and when it is quieter: mostly nobody.
    pub(crate) waiter_counts: WaiterCounts,
    effects: Effects,
}

/// How many wait for what.
#[derive(Debug, Default)]
pub(crate) struct WaiterCounts {
    pub(crate) room: usize,
    pub(crate) quiet: usize,
}

/// How replies are shared between calls of the same key.
#[derive(Debug)]
pub(crate) struct Sharing<T> {
    /// Set where a reply may go to several waiters.
    pub(crate) clone_reply: Option<CloneFn<T>>,
    pub(crate) coalesce: bool,
    pub(crate) cache: Option<ReplyStore<T>>,
}

/// A job that stands in the queue, and how its task is told.
#[derive(Debug)]
pub(crate) struct Waiter {
    job: JobId,
    tx: oneshot::Sender<Slot>,
}

/// What has to be done once the lock is released.
#[derive(Debug, Default)]
#[must_use = "somebody waits for it"]
pub(crate) struct Effects {
    pub(crate) grants: Vec<(oneshot::Sender<Slot>, usize)>,
    pub(crate) events: Vec<Event>,
    /// There is more room in the queue than before, and somebody waits for it.
    pub(crate) room: bool,
    /// A call, a job or a slot has gone, and somebody waits for that.
    pub(crate) quieter: bool,
}

/// What becomes of a call on arrival.
#[derive(Debug)]
pub(crate) enum Admission<T> {
    Cached(CacheHit<T>, Origin),
    /// Answered from the cache, and to be refreshed by a job that nobody waits for.
    CachedAndRefreshing(CacheHit<T>, Arc<Job<T>>, SlotGrant),
    Joined(Arc<Job<T>>, Option<Instant>),
    Led(Arc<Job<T>>, Option<Instant>, SlotGrant),
    Refused(Refusal),
}

/// What the cache answers with, to be cloned when the lock is released.
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

/// A call that waits for room: it has to come again when there is some, or after this time.
#[derive(Debug)]
pub(crate) struct NotAdmitted {
    pub(crate) after: Option<Duration>,
}

/// When a job may begin an attempt.
#[derive(Debug)]
pub(crate) enum SlotGrant {
    Ready(usize),
    Queued(oneshot::Receiver<Slot>),
}

/// Why a waiter stops waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeaveReason {
    Expired,
    Disconnected,
}

impl<T> DispatcherState<T> {
    pub(crate) fn new(policy: Policy, sharing: Sharing<T>, observed: bool) -> Self {
        Self {
            limit: Limit::new(policy.limit, policy.seats, policy.queue),
            registry: Registry::default(),
            occupancy: Occupancy::default(),
            bucket: policy.rate.map(TokenBucket::new),
            budget: policy.retry.as_ref().map(RetryBudget::new),
            wait_estimator: WaitEstimator::default(),
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

    /// What the last change left to be done outside.
    pub(crate) fn take_effects(&mut self) -> Effects {
        let mut effects = std::mem::take(&mut self.effects);
        effects.room &= self.waiter_counts.room > 0;
        effects.quieter &= self.waiter_counts.quiet > 0;
        effects
    }

    /// A slot has come back: what occupied the resource has really stopped.
    pub(crate) fn give_back(&mut self, seat: usize, now: Instant) {
        let (held, overdue) = self.occupancy.end(seat, now);
        self.wait_estimator.record(held);
        self.emit(now, Fact::SlotReturned { seat, held, overdue });
        let grant = self.limit.give_back(seat);
        self.granted(grant, now);
        self.effects.room = true;
        self.effects.quieter = true;
    }

    fn granted(&mut self, grants: impl IntoIterator<Item = Grant<Waiter>>, now: Instant) {
        for Grant { waiter, seat } in grants {
            self.unqueued(waiter.job, JobState::Granted { seat }, now);
            if let Some(entry) = self.registry.get(waiter.job) {
                let job = Arc::clone(&entry.job.info);
                self.occupancy.begin(seat, Arc::clone(&job), now);
                self.emit(now, Fact::SlotTaken { job, seat });
            }
            self.effects.grants.push((waiter.tx, seat));
        }
    }

    /// Books a job out of the queue that the limit has already let go.
    fn unqueued(&mut self, id: JobId, next: JobState, now: Instant) {
        let Some(entry) = self.registry.get_mut(id) else { return };
        let JobState::Queued { since, is_retry, .. } = std::mem::replace(&mut entry.state, next)
        else {
            return;
        };
        let waited = now - since;
        entry.waited += waited;
        let job = Arc::clone(&entry.job.info);
        self.stats.queue.retries -= u64::from(is_retry);
        self.effects.room = true;
        self.emit(now, Fact::JobUnqueued { job, waited, is_retry });
    }

    /// The attempt at this seat was given up, and has really stopped.
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
        let grant = self.limit.open(seat);
        self.granted(grant, now);
        self.effects.room = true;
    }

    pub(crate) fn resize(&mut self, limit: NonZeroUsize, now: Instant) {
        let grants = self.limit.resize(limit);
        self.granted(grants, now);
        self.effects.room = true;
    }

    /// The job's deadline as it is now: followers may have moved it. Once it has passed nobody
    /// joins the job any more, so nobody can move it then.
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
