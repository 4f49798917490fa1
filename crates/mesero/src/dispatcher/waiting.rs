//! A call that waits for its answer.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::Shared;
use crate::Error;
use crate::call::Answer;
use crate::job::Job;
use crate::state::Leaving;

/// Stands for a caller who waits. Dropping it is the caller leaving.
pub(crate) struct Waiting<T: Send + Sync + 'static> {
    shared: Arc<Shared<T>>,
    job: Arc<Job<T>>,
    waits: bool,
}

impl<T: Send + Sync + 'static> Waiting<T> {
    pub(super) fn new(shared: &Arc<Shared<T>>, job: Arc<Job<T>>) -> Self {
        Self { shared: Arc::clone(shared), job, waits: true }
    }

    /// Waits for the job's end, at the longest until the call's own deadline.
    pub(super) async fn answer(mut self, deadline: Option<Instant>) -> Answer<T> {
        let answer = match deadline {
            None => self.job.ended().await,
            Some(deadline) => tokio::select! {
                biased;
                answer = self.job.ended() => answer,
                () = sleep_until(deadline) => match self.leave(Leaving::Expired) {
                    Some(answer) => return answer,
                    // It has ended in this very moment.
                    None => self.job.ended().await,
                },
            },
        };
        self.waits = false;
        self.shared.with(|state, now| state.answered(now));
        answer
    }

    fn leave(&mut self, leaving: Leaving) -> Option<Answer<T>> {
        let id = self.job.id();
        let (phase, report) = self.shared.with(|state, now| state.leave(id, leaving, now))?;
        self.waits = false;
        Some(Answer { result: Err(Error::Expired { phase }), report })
    }
}

impl<T: Send + Sync + 'static> Drop for Waiting<T> {
    fn drop(&mut self) {
        if self.waits && self.leave(Leaving::Disconnected).is_none() {
            self.shared.with(|state, now| state.answered(now));
        }
    }
}
