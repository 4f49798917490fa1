//! The job's own task: grants, attempts, backoff, and exactly one end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::futures::Notified;
use tokio::time::{Instant, sleep, sleep_until};

use super::DispatcherInner;
use super::poll::{BlockingDetector, polled};
use crate::answer::CallReport;
use crate::job::Job;
use crate::slot::{Attempt, Slot};
use crate::state::SlotGrant;
use crate::state::progress::BlockedPoll;
use crate::state::serving::WaitEnd;
use crate::sync::spawn;
use crate::{Error, Failure, Phase};

impl<T: Send + Sync + 'static> DispatcherInner<T> {
    /// Starts the task of a job that has just been admitted.
    pub(super) fn lead<W, F>(self: &Arc<Self>, job: &Arc<Job<T>>, grant: SlotGrant, work: W)
    where
        W: FnMut(Attempt) -> F + Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let grant = self.guard(grant);
        let task = JobTask { inner: Arc::clone(self), job: Arc::clone(job), is_over: false };
        spawn(&self.tasks, task.run(grant, work));
    }

    /// Puts a granted seat into a guard, which gives it back on drop.
    fn guard(self: &Arc<Self>, grant: SlotGrant) -> GuardedGrant {
        match grant {
            SlotGrant::Ready(seat) => GuardedGrant::Ready(Slot::new(seat, Arc::clone(self) as _)),
            SlotGrant::Queued(rx) => GuardedGrant::Queued(rx),
        }
    }
}

/// A slot grant, with the slot in a guard.
enum GuardedGrant {
    Ready(Slot),
    Queued(tokio::sync::oneshot::Receiver<Slot>),
}

/// A job's task. Its result, its panic or its drop gives the job exactly one outcome.
struct JobTask<T: Send + Sync + 'static> {
    inner: Arc<DispatcherInner<T>>,
    job: Arc<Job<T>>,
    is_over: bool,
}

impl<T: Send + Sync + 'static> JobTask<T> {
    /// Runs attempts until the job ends. Dropped, it ends the job as lost, and gives its slot back.
    async fn run<W, F>(mut self, mut grant: GuardedGrant, mut work: W)
    where
        W: FnMut(Attempt) -> F + Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let result = loop {
            let slot = match self.wait_for_slot(grant).await {
                Ok(slot) => slot,
                Err(error) => break Err(error),
            };
            let error = match self.attempt(&slot, &mut work).await {
                Ok(value) => return self.finish(Ok(value), Some(slot)),
                Err(error) => error,
            };
            let id = self.job.id();
            let pause = self.inner.with(|state, now| state.retry(id, &error, now));
            let Some(pause) = pause else { break Err(error) };
            // A job in backoff holds no slot.
            drop(slot);
            tokio::select! {
                biased;
                reason = self.job.stop.raised() => break Err(reason),
                () = sleep(pause) => {}
            }
            let granted = self.inner.with(|state, now| state.requeue(&self.job.info, now));
            grant = self.inner.guard(granted);
        };
        self.finish(result, None);
    }

    /// Waits for a granted slot; ends early at a stop signal, or when the wait has become too long.
    /// Dropped, it gives back a slot that was granted to it.
    async fn wait_for_slot(&self, grant: GuardedGrant) -> Result<Slot, Error> {
        let rx = match grant {
            // The callers may have left before the task first ran.
            GuardedGrant::Ready(slot) => return self.job.stop.reason().map_or(Ok(slot), Err),
            GuardedGrant::Queued(rx) => rx,
        };
        tokio::select! {
            biased;
            reason = self.job.stop.raised() => Err(reason),
            granted = rx => match granted {
                Ok(slot) => Ok(slot),
                // The job was taken out of the queue by a stop signal.
                Err(_) => Err(self.job.stop.raised().await),
            },
            error = self.end_of_wait() => Err(error),
        }
    }

    /// Waits until the job must leave the queue, and returns the reason. Dropping it has no effect.
    async fn end_of_wait(&self) -> Error {
        let id = self.job.id();
        loop {
            match self.inner.with(|state, now| state.end_of_wait(id, now)) {
                WaitEnd::Now(error) => return error,
                WaitEnd::At(at) => sleep_until(at).await,
                WaitEnd::Never => std::future::pending().await,
            }
        }
    }

    /// Runs one try, bounded by the timeout and by the job's deadline. Dropped, it drops the work,
    /// and the slot stays with the caller.
    async fn attempt<W, F>(&self, slot: &Slot, work: &mut W) -> Result<T, Error>
    where
        W: FnMut(Attempt) -> F,
        F: Future<Output = Result<T, Failure>>,
    {
        let id = self.job.id();
        // Registered before the check, so that a change in between is not missed.
        let changed = self.inner.timeout_changed.notified();
        let begun = self.inner.with(|state, now| {
            let number = state.begin_attempt(id, now)?;
            let detector =
                state.notice_blocking().map(|after| BlockingDetector { after, since: now });
            Ok((number, now, state.timeout(), state.deadline(id, now), detector))
        });
        let (number, began, timeout, deadline, detector) = begun?;
        let deadline = match (timeout.and_then(|after| began.checked_add(after)), deadline) {
            (Some(at), Some(deadline)) => Some(at.min(deadline)),
            (at, deadline) => at.or(deadline),
        };
        let job = Arc::clone(&self.job.info);
        let attempt = Attempt { job, slot: slot.clone(), number, deadline };
        let blocked = |held| {
            let poll = BlockedPoll { number, held };
            self.inner.with(|state, now| state.blocked(&self.job.info, poll, now));
        };
        let mut result = pin!(polled(async { work(attempt).await }, detector, blocked));
        let timed_out = self.timed_out(began, timeout, changed);
        tokio::select! {
            biased;
            result = &mut result => result.map_err(Error::Failed),
            reason = self.job.stop.raised() => Err(reason),
            error = timed_out => Err(error),
            () = self.deadline() => Err(Error::Expired { phase: Phase::Running }),
        }
    }

    /// Waits until an attempt has taken longer than the timeout, which may change during the wait.
    /// Dropping it has no effect.
    async fn timed_out<'a>(
        &'a self,
        began: Instant,
        mut timeout: Option<Duration>,
        mut changed: Notified<'a>,
    ) -> Error {
        loop {
            match timeout.and_then(|after| Some((began.checked_add(after)?, after))) {
                Some((at, after)) => tokio::select! {
                    () = sleep_until(at) => return Error::TimedOut { after },
                    () = changed => {}
                },
                None => changed.await,
            }
            changed = self.inner.timeout_changed.notified();
            timeout = self.inner.with(|state, _| state.timeout());
        }
    }

    /// Waits for the job's deadline, which followers may move during the wait. Dropping it has no
    /// effect.
    async fn deadline(&self) {
        let id = self.job.id();
        loop {
            match self.inner.with(|state, now| (state.deadline(id, now), now)) {
                (None, _) => std::future::pending().await,
                (Some(deadline), now) if deadline <= now => return,
                (Some(deadline), _) => sleep_until(deadline).await,
            }
        }
    }

    /// Ends the job, and gives its slot back in the same step, unless another clone still holds it.
    fn finish(&mut self, result: Result<T, Error>, mut slot: Option<Slot>) {
        let report = self.inner.with(|state, now| {
            state.store_result(&self.job, &result, now);
            let report = state.finish(&self.job, &result, now);
            // Only now: a reply whose `Clone` panics leaves the slot to be dropped without the
            // lock.
            if let Some(seat) = slot.take().and_then(Slot::into_seat) {
                state.give_back(seat, now);
            }
            report
        });
        self.conclude(result, report);
    }

    fn conclude(&mut self, result: Result<T, Error>, report: Option<CallReport>) {
        self.is_over = true;
        if let Some(report) = report {
            self.job.publish(result, report);
        }
    }
}

impl<T: Send + Sync + 'static> Drop for JobTask<T> {
    fn drop(&mut self) {
        if !self.is_over {
            // The runtime was shut down during the job, or foreign code panicked in its task.
            let result =
                Err(Error::Failed(Failure::lost("the job's task ended before its result")));
            let report = self.inner.with(|state, now| state.finish(&self.job, &result, now));
            self.conclude(result, report);
        }
    }
}
