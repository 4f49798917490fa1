//! A call that waits for its answer.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::inner::DispatcherInner;
use crate::Error;
use crate::answer::Answer;
use crate::job::Job;
use crate::state::LeaveReason;

/// A caller that waits. Dropping it leaves the job.
pub(crate) struct WaitingCall<T: Send + Sync + 'static> {
    inner: Arc<DispatcherInner<T>>,
    job: Arc<Job<T>>,
    is_waiting: bool,
}

impl<T: Send + Sync + 'static> WaitingCall<T> {
    pub(super) fn new(inner: &Arc<DispatcherInner<T>>, job: Arc<Job<T>>) -> Self {
        Self { inner: Arc::clone(inner), job, is_waiting: true }
    }

    /// Waits for the job's end, at most until the call's own deadline. Dropped, it leaves the job.
    pub(super) async fn answer(mut self, deadline: Option<Instant>) -> Answer<T> {
        let answer = match deadline {
            None => self.job.ended().await,
            Some(deadline) => tokio::select! {
                biased;
                answer = self.job.ended() => answer,
                () = sleep_until(deadline) => match self.expire() {
                    Some(answer) => return answer,
                    // The job has just ended.
                    None => self.job.ended().await,
                },
            },
        };
        self.is_waiting = false;
        let stale = self.inner.with(|state, now| {
            state.answered(now);
            state.stale_instead_of(answer.result.as_ref().err()?, &self.job.info, now)
        });
        let report = answer.report;
        stale.map_or(answer, |stale| stale.answer(report))
    }

    /// Leaves the job, which continues for other callers; `None` if it has ended.
    fn expire(&mut self) -> Option<Answer<T>> {
        let (error, report, stale) = self.inner.with(|state, now| {
            let (phase, report) = state.leave(self.job.id(), LeaveReason::Expired, now)?;
            let error = Error::Expired { phase };
            let stale = state.stale_instead_of(&error, &self.job.info, now);
            Some((error, report, stale))
        })?;
        self.is_waiting = false;
        let answer = || Answer { result: Err(error), report };
        Some(stale.map_or_else(answer, |stale| stale.answer(report)))
    }
}

impl<T: Send + Sync + 'static> Drop for WaitingCall<T> {
    fn drop(&mut self) {
        if self.is_waiting {
            self.inner.with(|state, now| {
                if state.leave(self.job.id(), LeaveReason::Disconnected, now).is_none() {
                    state.answered(now);
                }
            });
        }
    }
}
