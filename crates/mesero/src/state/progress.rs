//! A job's attempts: start, end, and retry.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::DispatcherState;
use crate::call::{JobId, JobInfo};
use crate::event::Fact;
use crate::policy::adaptive::{CohortEnd, LoadSign};
use crate::policy::forecast::{Candidate, RunOutcome};
use crate::registry::{JobEntry, JobState, RetryDecision};
use crate::slot::Attempt;
use crate::{Advice, Error, Phase};

/// A poll that took too long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockedPoll {
    /// The attempt's number.
    pub(crate) number: u32,
    pub(crate) held: Duration,
}

impl<T> DispatcherState<T> {
    /// Begins an attempt, and returns its number.
    ///
    /// # Errors
    /// If the job has been stopped, or its deadline has passed, since it got its slot: nothing
    /// begins then.
    pub(crate) fn begin_attempt(&mut self, id: JobId, now: Instant) -> Result<u32, Error> {
        let Some(entry) = self.registry.get_mut(id) else { return Err(Error::Canceled) };
        if let Some(reason) = entry.job.stop.reason() {
            return Err(reason);
        }
        if entry.deadline.is_some_and(|deadline| deadline <= now) {
            let phase = Phase::Queued;
            let job = Arc::clone(&entry.job.info);
            self.registry.forbid_joining(&job);
            return Err(Error::Expired { phase });
        }
        entry.attempts += 1;
        entry.retry = None;
        let (job, number) = (Arc::clone(&entry.job.info), entry.attempts);
        if let Some(seat) = entry.state.seat() {
            let left = entry.deadline.map(|deadline| deadline - now);
            let candidate = Candidate { kind: entry.kind.as_ref(), left, waited: false };
            let kind = self.forecasts.then(|| self.forecast.begin(candidate, now));
            entry.state = JobState::Running { seat, since: now, kind };
            self.occupancy.attempt(seat, number, kind);
            self.load_rose(seat, now);
        }
        self.emit(now, Fact::AttemptStarted { job, number });
        Ok(number)
    }

    /// Records a poll of an attempt that took too long.
    pub(crate) fn blocked(&mut self, job: &Arc<JobInfo>, poll: BlockedPoll, now: Instant) {
        let BlockedPoll { number, held } = poll;
        self.emit(now, Fact::AttemptBlocked { job: Arc::clone(job), number, held });
    }

    pub(super) fn end_attempt(&mut self, id: JobId, error: Option<&Error>, now: Instant) {
        let Some(entry) = self.registry.get_mut(id) else { return };
        let Some(seat) = entry.state.seat() else { return };
        let ended =
            std::mem::replace(&mut entry.state, JobState::Detached { phase: Phase::Running });
        self.occupancy.overdue(seat, id, now);
        let JobState::Running { since, kind, .. } = ended else { return };
        let ran = now - since;
        if let Some(kind) = kind {
            self.forecast.record(kind, run_end(error, ran), now);
        }
        entry.ran += ran;
        let (job, number) = (Arc::clone(&entry.job.info), entry.attempts);
        if let Some(cohort) = self.occupancy.leave_cohort(seat, id) {
            self.load_fell(CohortEnd { cohort, sign: LoadSign::of(error), ran }, now);
        }
        self.emit(now, Fact::AttemptFinished { job, number, ran, error: error.cloned() });
    }

    /// Ends a failed attempt, and returns the pause before the next one, if there is to be one.
    pub(crate) fn retry(&mut self, id: JobId, error: &Error, now: Instant) -> Option<Duration> {
        self.end_attempt(id, Some(error), now);
        let decided = self.registry.get_mut(id)?.retry.take();
        let backoff = match decided {
            Some(RetryDecision::After(backoff)) if is_retryable(error) => backoff,
            Some(_) => return None,
            None => self.pause_before_retry(id, error, now)?,
        };
        let entry = self.registry.get_mut(id)?;
        entry.state = JobState::Detached { phase: Phase::Backoff };
        let job = Arc::clone(&entry.job.info);
        self.emit(now, Fact::RetryScheduled { job, backoff });
        Some(backoff)
    }

    /// Decides whether an attempt that runs will be followed by another if it fails so.
    pub(crate) fn decide_retry(&mut self, attempt: &Attempt, error: &Error, now: Instant) -> bool {
        let id = attempt.job();
        let runs = |entry: &JobEntry<T>| {
            entry.attempts == attempt.number() && matches!(entry.state, JobState::Running { .. })
        };
        let Some(entry) = self.registry.get(id).filter(|entry| runs(entry)) else { return false };
        let decision = entry.retry.unwrap_or_else(|| {
            let pause = self.pause_before_retry(id, error, now);
            pause.map_or(RetryDecision::No, RetryDecision::After)
        });
        if let Some(entry) = self.registry.get_mut(id) {
            entry.retry = Some(decision);
        }
        decision != RetryDecision::No
    }

    /// The pause before the next attempt, which is taken from the budget; `None` if there is to be
    /// none.
    fn pause_before_retry(&mut self, id: JobId, error: &Error, now: Instant) -> Option<Duration> {
        let retry = self.policy.retry?;
        let at_least = match error {
            Error::Failed(failure) => match failure.advice() {
                Advice::Never => return None,
                Advice::Backoff => Duration::ZERO,
                Advice::After(pause) => pause.min(retry.max_backoff),
            },
            Error::TimedOut { .. } => Duration::ZERO,
            _ => return None,
        };
        let entry = self.registry.get(id)?;
        if entry.attempts >= retry.max_attempts.get() {
            return None;
        }
        let jittered = retry.ceiling(entry.attempts).mul_f64(self.random.f64());
        let backoff = jittered.max(at_least);
        if entry.deadline.is_some_and(|deadline| deadline - now <= backoff) {
            return None;
        }
        let job = Arc::clone(&entry.job.info);
        if !self.budget.as_mut()?.spend(now) {
            self.emit(now, Fact::RetryRefused { job });
            return None;
        }
        Some(backoff)
    }
}

/// True if attempts that end so are retried where the policy allows it.
fn is_retryable(error: &Error) -> bool {
    match error {
        Error::Failed(failure) => failure.advice() != Advice::Never,
        Error::TimedOut { .. } => true,
        _ => false,
    }
}

/// What the end of an attempt says about its kind's run time.
fn run_end(error: Option<&Error>, ran: Duration) -> RunOutcome {
    match error {
        None => RunOutcome::Finished(ran),
        Some(Error::TimedOut { .. } | Error::Expired { .. } | Error::Canceled | Error::Shed) => {
            RunOutcome::CutOff(ran)
        }
        Some(Error::Failed(_) | Error::Refused(_)) => RunOutcome::Ignored,
    }
}
