//! The job's own task: turns, attempts, pauses, and exactly one end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::futures::Notified;
use tokio::time::{Instant, sleep, sleep_until};

use super::Shared;
use super::poll::{Watch, polled};
use crate::call::Report;
use crate::job::Job;
use crate::slot::{Attempt, Slot};
use crate::state::Turn;
use crate::sync::spawn;
use crate::{Error, Failure, Phase};

impl<T: Send + Sync + 'static> Shared<T> {
    /// Starts the task of a job that has just been admitted.
    pub(super) fn lead<W, F>(self: &Arc<Self>, job: &Arc<Job<T>>, turn: Turn, work: W)
    where
        W: FnMut(Attempt) -> F + Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let turn = match turn {
            Turn::Now(seat) => Seated::Now(Slot::new(seat, Arc::clone(self) as _)),
            Turn::Later(rx) => Seated::Later(rx),
        };
        let run = Run { shared: Arc::clone(self), job: Arc::clone(job), over: false };
        spawn(&self.tasks, run.until_over(turn, work));
    }
}

/// A job's turn, with the slot in a guard.
enum Seated {
    Now(Slot),
    Later(tokio::sync::oneshot::Receiver<Slot>),
}

/// A job's task. However it ends, by a result, a panic or a drop, the job gets exactly one outcome.
struct Run<T: Send + Sync + 'static> {
    shared: Arc<Shared<T>>,
    job: Arc<Job<T>>,
    over: bool,
}

impl<T: Send + Sync + 'static> Run<T> {
    async fn until_over<W, F>(mut self, mut turn: Seated, mut work: W)
    where
        W: FnMut(Attempt) -> F + Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let result = loop {
            let slot = match self.wait_for_slot(turn).await {
                Ok(slot) => slot,
                Err(error) => break Err(error),
            };
            let error = match self.attempt(&slot, &mut work).await {
                Ok(value) => return self.finish(Ok(value), Some(slot)),
                Err(error) => error,
            };
            let id = self.job.id();
            let pause = self.shared.with(|state, now| state.retry(id, &error, now));
            let Some(pause) = pause else { break Err(error) };
            // A job in backoff holds no slot.
            drop(slot);
            tokio::select! {
                biased;
                reason = self.job.stop.raised() => break Err(reason),
                () = sleep(pause) => {}
            }
            turn = match self.shared.with(|state, now| state.rejoin(&self.job.info, now)) {
                Turn::Now(seat) => Seated::Now(Slot::new(seat, Arc::clone(&self.shared) as _)),
                Turn::Later(rx) => Seated::Later(rx),
            };
        };
        self.finish(result, None);
    }

    /// Leaves the queue at the job's deadline, or when it is told to stop.
    async fn wait_for_slot(&self, turn: Seated) -> Result<Slot, Error> {
        let rx = match turn {
            // Its callers may have left before the task first ran.
            Seated::Now(slot) => return self.job.stop.reason().map_or(Ok(slot), Err),
            Seated::Later(rx) => rx,
        };
        tokio::select! {
            biased;
            reason = self.job.stop.raised() => Err(reason),
            granted = rx => match granted {
                Ok(slot) => Ok(slot),
                // Taken out of the queue, which only an order to stop does.
                Err(_) => Err(self.job.stop.raised().await),
            },
            () = self.deadline() => Err(Error::Expired { phase: Phase::Queued }),
        }
    }

    /// One try, bounded by the timeout and by the job's deadline.
    async fn attempt<W, F>(&self, slot: &Slot, work: &mut W) -> Result<T, Error>
    where
        W: FnMut(Attempt) -> F,
        F: Future<Output = Result<T, Failure>>,
    {
        let id = self.job.id();
        // Registered before the look, so that a change in between is not missed.
        let changed = self.shared.timeout_changed.notified();
        let (number, began, timeout, deadline, watch) = self.shared.with(|state, now| {
            let number = state.begin_attempt(id, now);
            let watch = state.notice_blocking().map(|after| Watch { after, since: now });
            (number, now, state.timeout(), state.deadline(id, now), watch)
        });
        let until = match (timeout.and_then(|after| began.checked_add(after)), deadline) {
            (Some(at), Some(deadline)) => Some(at.min(deadline)),
            (at, deadline) => at.or(deadline),
        };
        let job = Arc::clone(&self.job.info);
        let attempt = Attempt { job, slot: slot.clone(), number, until };
        let blocked = |held| {
            let attempt = (&self.job.info, number);
            self.shared.with(|state, now| state.blocked(attempt, held, now));
        };
        let mut result = pin!(polled(async { work(attempt).await }, watch, blocked));
        let timed_out = self.timed_out(began, timeout, changed);
        tokio::select! {
            biased;
            result = &mut result => result.map_err(Error::Failed),
            reason = self.job.stop.raised() => Err(reason),
            error = timed_out => Err(error),
            () = self.deadline() => Err(Error::Expired { phase: Phase::Running }),
        }
    }

    /// Waits until an attempt has taken longer than the timeout, which can be changed meanwhile.
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
            changed = self.shared.timeout_changed.notified();
            timeout = self.shared.with(|state, _| state.timeout());
        }
    }

    /// Waits for the job's deadline, which followers can move while it is waited for.
    async fn deadline(&self) {
        let id = self.job.id();
        loop {
            match self.shared.with(|state, now| (state.deadline(id, now), now)) {
                (None, _) => std::future::pending().await,
                (Some(deadline), now) if deadline <= now => return,
                (Some(deadline), _) => sleep_until(deadline).await,
            }
        }
    }

    /// Ends the job; and gives its slot back in the same step, unless something else still holds it.
    fn finish(&mut self, result: Result<T, Error>, mut slot: Option<Slot>) {
        let report = self.shared.with(|state, now| {
            state.keep(&self.job, &result, now);
            let report = state.finish(&self.job, &result, now);
            // Not before: a reply whose `Clone` panics leaves the slot to be dropped without the lock.
            if let Some(seat) = slot.take().and_then(Slot::into_seat) {
                state.give_back(seat, now);
            }
            report
        });
        self.over(result, report);
    }

    fn over(&mut self, result: Result<T, Error>, report: Option<Report>) {
        self.over = true;
        if let Some(report) = report {
            self.job.publish(result, report);
        }
    }
}

impl<T: Send + Sync + 'static> Drop for Run<T> {
    fn drop(&mut self) {
        if !self.over {
            // The runtime was shut down under the job, or foreign code panicked in its task.
            let result = Err(Error::Failed(Failure::lost("the job's task ended in the middle")));
            let report = self.shared.with(|state, now| state.finish(&self.job, &result, now));
            self.over(result, report);
        }
    }
}
