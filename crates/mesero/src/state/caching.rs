//! What the cache answers, what it refreshes, and what it keeps.

use std::sync::Arc;

use tokio::time::Instant;

use super::admission::Purpose;
use super::{Admission, Kept, State};
use crate::Error;
use crate::call::{Call, JobInfo, Origin, Patience};
use crate::event::Fact;
use crate::job::Job;
use crate::policy::cache::store::{Dated, Found};

impl<T> State<T> {
    /// Answers a call at once, if something is kept that may be its answer.
    pub(super) fn kept_answer(&mut self, call: &mut Call, now: Instant) -> Option<Admission<T>> {
        let (key, share) = (call.key.as_ref()?, self.sharing.share?);
        let kept = |Dated { value, age }| Kept { result: Dated { value: Ok(value), age }, share };
        match self.sharing.cache.as_mut()?.look_up(key, now)? {
            Found::Fresh(reply) => {
                self.emit(now, Fact::CallCached);
                Some(Admission::Kept(kept(reply), Origin::Cached))
            }
            Found::Failure(Dated { value, age }) => {
                self.emit(now, Fact::CallNegative);
                let kept = Kept { result: Dated { value: Err(value), age }, share };
                Some(Admission::Kept(kept, Origin::Cached))
            }
            Found::Stale { reply, refresh } => {
                self.emit(now, Fact::CallStale);
                Some(match refresh.then(|| self.refresh(call, now)).flatten() {
                    Some((job, turn)) => Admission::Refreshes(kept(reply), job, turn),
                    None => Admission::Kept(kept(reply), Origin::Stale),
                })
            }
        }
    }

    /// Starts a job for the cache, unless there is one already or it would be refused.
    fn refresh(&mut self, call: &mut Call, now: Instant) -> Option<(Arc<Job<T>>, super::Turn)> {
        let deadline = self.deadline_of(Patience::AsPolicy, now);
        let in_flight = self.registry.flight(call.key.as_ref()?).is_some();
        if in_flight || self.refusal(deadline, now).is_some() {
            return None;
        }
        Some(self.start(call, Purpose::Refresh { deadline }, now))
    }

    pub(super) fn stale_instead_of_refusal(
        &mut self,
        call: &Call,
        now: Instant,
    ) -> Option<Admission<T>> {
        let stale = self.stale(&call.key, now)?;
        self.emit(now, Fact::CallStale);
        Some(Admission::Kept(stale, Origin::Stale))
    }

    /// The stale reply for a call whose job came to this error.
    pub(crate) fn stale_instead_of(
        &mut self,
        error: &Error,
        job: &JobInfo,
        now: Instant,
    ) -> Option<Kept<T>> {
        if matches!(error, Error::Cancelled) {
            return None;
        }
        let stale = self.stale(&job.key, now)?;
        self.emit(now, Fact::CallRescued);
        Some(stale)
    }

    fn stale(&self, key: &Option<crate::Key>, now: Instant) -> Option<Kept<T>> {
        let (key, share) = (key.as_ref()?, self.sharing.share?);
        let Dated { value, age } = self.sharing.cache.as_ref()?.instead_of_error(key, now)?;
        Some(Kept { result: Dated { value: Ok(value), age }, share })
    }

    /// Keeps what a job came to. To be called before anything else of the end is booked: a reply
    /// whose `Clone` panics leaves the job in the registry, and its task finishes it as failed.
    pub(crate) fn keep(&mut self, job: &Job<T>, result: &Result<T, Error>, now: Instant) {
        let (Some(cache), Some(share), Some(key)) =
            (&mut self.sharing.cache, self.sharing.share, &job.info.key)
        else {
            return;
        };
        match result {
            Ok(value) => cache.put(key.clone(), Arc::new(share(value)), now),
            Err(error @ (Error::Failed(_) | Error::TimedOut { .. })) => {
                cache.put_failure(key.clone(), error, now);
            }
            // These say nothing about the resource.
            Err(_) => {}
        }
    }
}
