//! Answers from the cache, refreshes of its entries, and their replacement.

use std::sync::Arc;

use tokio::time::Instant;

use super::admission::JobPurpose;
use super::{Admission, CacheHit, DispatcherState};
use crate::Error;
use crate::answer::Origin;
use crate::call::{Call, Deadline, JobInfo};
use crate::event::Fact;
use crate::job::Job;
use crate::policy::cache::store::{Aged, Lookup};

impl<T> DispatcherState<T> {
    /// Answers a call at once, if the cache has an answer for it.
    pub(super) fn cached_answer(&mut self, call: &mut Call, now: Instant) -> Option<Admission<T>> {
        let (key, clone_reply) = (call.key.as_ref()?, self.sharing.clone_reply?);
        let hit =
            |Aged { value, age }| CacheHit { result: Aged { value: Ok(value), age }, clone_reply };
        match self.sharing.cache.as_mut()?.look_up(key, now)? {
            Lookup::Fresh(reply) => {
                self.emit(now, Fact::CallCached);
                Some(Admission::Cached(hit(reply), Origin::Cached))
            }
            Lookup::Failure(Aged { value, age }) => {
                self.emit(now, Fact::CallNegative);
                let hit = CacheHit { result: Aged { value: Err(value), age }, clone_reply };
                Some(Admission::Cached(hit, Origin::Cached))
            }
            Lookup::Stale { reply, refresh } => {
                self.emit(now, Fact::CallStale);
                Some(match refresh.then(|| self.refresh(call, now)).flatten() {
                    Some((job, grant)) => Admission::CachedAndRefreshing(hit(reply), job, grant),
                    None => Admission::Cached(hit(reply), Origin::Stale),
                })
            }
        }
    }

    /// Starts a refresh, unless a job of the key is in flight or it would be refused.
    fn refresh(
        &mut self,
        call: &mut Call,
        now: Instant,
    ) -> Option<(Arc<Job<T>>, super::SlotGrant)> {
        let deadline = self.deadline_of(Deadline::FromPolicy, now);
        let in_flight = self.registry.joinable(call.key.as_ref()?).is_some();
        let ticket = self.ticket(call, now);
        if in_flight || self.refusal(call, &ticket, deadline).is_some() {
            return None;
        }
        Some(self.start(call, ticket, JobPurpose::Refresh { deadline }))
    }

    pub(super) fn stale_instead_of_refusal(
        &mut self,
        call: &Call,
        now: Instant,
    ) -> Option<Admission<T>> {
        let stale = self.stale(&call.key, now)?;
        self.emit(now, Fact::CallStale);
        Some(Admission::Cached(stale, Origin::Stale))
    }

    /// The stale reply for a call whose job ended with this error.
    pub(crate) fn stale_instead_of(
        &mut self,
        error: &Error,
        job: &JobInfo,
        now: Instant,
    ) -> Option<CacheHit<T>> {
        if matches!(error, Error::Canceled) {
            return None;
        }
        let stale = self.stale(&job.key, now)?;
        self.emit(now, Fact::CallRescued);
        Some(stale)
    }

    fn stale(&self, key: &Option<crate::Key>, now: Instant) -> Option<CacheHit<T>> {
        let (key, clone_reply) = (key.as_ref()?, self.sharing.clone_reply?);
        let Aged { value, age } = self.sharing.cache.as_ref()?.stale_reply(key, now)?;
        Some(CacheHit { result: Aged { value: Ok(value), age }, clone_reply })
    }

    /// Stores a job's result in the cache. Must be called before the end is recorded: a reply whose
    /// `Clone` panics leaves the job in the registry, and its task finishes it as failed.
    pub(crate) fn store_result(&mut self, job: &Job<T>, result: &Result<T, Error>, now: Instant) {
        let (Some(cache), Some(clone_reply), Some(key)) =
            (&mut self.sharing.cache, self.sharing.clone_reply, &job.info.key)
        else {
            return;
        };
        match result {
            Ok(value) => cache.insert(key.clone(), Arc::new(clone_reply(value)), now),
            Err(error @ (Error::Failed(_) | Error::TimedOut { .. })) => {
                cache.insert_failure(key.clone(), error, now);
            }
            // The other errors say nothing about the resource.
            Err(_) => {}
        }
    }
}
