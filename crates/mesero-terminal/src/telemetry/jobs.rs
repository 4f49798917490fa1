//! Log lines from a dispatcher's events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use mesero::{Error, Event, Fact, JobId, LimitFinding, Observer, Outcome, Refusal, Stop};
use tokio::time::Instant;

use super::limit::LimitWatch;
use crate::units::milliseconds;

/// The part of the log that these lines belong to: `--log mesero::jobs=debug`.
const TARGET: &str = "mesero::jobs";

/// Refusals can be thousands a second; one summary a second is enough.
const SUMMARY_EVERY: Duration = Duration::from_secs(1);

/// Logs what becomes of one resource's jobs: failures as warnings, but not those that are the caller's fault, and all
/// else for debugging. Never arguments, never replies.
///
/// Give it to the dispatcher's builder as an observer.
#[derive(Debug)]
pub struct Log {
    resource: Arc<str>,
    refusals: Refusals,
    limit: LimitWatch,
    is_callers_fault: fn(&Error) -> bool,
}

impl Log {
    /// For the resource of this name.
    pub fn new(resource: impl Into<Arc<str>>) -> Self {
        let now = Instant::now();
        let (refusals, limit) = (Refusals::new(now), LimitWatch::new(now));
        Self { resource: resource.into(), refusals, limit, is_callers_fault: |_| false }
    }

    /// Logs the failures that `is_callers_fault` selects for debugging alone; without it, none.
    #[must_use]
    pub fn callers_fault(self, is_callers_fault: fn(&Error) -> bool) -> Self {
        Self { is_callers_fault, ..self }
    }

    fn refused(&self, refusal: &Refusal) {
        self.refusals.count();
        let retry_after_ms = refusal.retry_after().map(milliseconds);
        tracing::debug!(
            target: TARGET,
            resource = &*self.resource,
            reason = %refusal,
            retry_after_ms,
            "call refused"
        );
    }

    fn summarize(&self, now: Instant) {
        if let Some(refused) = self.refusals.due(now) {
            tracing::warn!(target: TARGET, resource = &*self.resource, refused, "calls refused");
        }
        if let Some(change) = self.limit.due(now) {
            let (limit, before) = (change.limit, change.before);
            tracing::info!(
                target: TARGET,
                resource = &*self.resource,
                limit,
                before,
                "limit changed"
            );
        }
    }

    fn blocked(&self, job: JobId, held: Duration) {
        let resource = &*self.resource;
        tracing::warn!(
            target: TARGET,
            resource,
            job.id = %format_args!("{resource}-{job}"),
            for_ms = milliseconds(held),
            "attempt blocked a thread of mesero itself"
        );
    }

    fn limit_found(&self, limit: usize, finding: LimitFinding) {
        let resource = &*self.resource;
        match finding {
            LimitFinding::TooHigh { best } => tracing::warn!(
                target: TARGET,
                resource,
                limit,
                best,
                "throughput falls when more than {best} run at once"
            ),
            LimitFinding::TooLow => tracing::info!(
                target: TARGET,
                resource,
                limit,
                "calls wait, and take no longer when {limit} run at once than when half as many do; a higher limit may serve more"
            ),
        }
    }

    fn stopped(&self, job: JobId, stop: &Stop) {
        let (resource, how, after_ms) =
            (&*self.resource, stop.kind.as_str(), milliseconds(stop.after));
        tracing::info!(
            target: TARGET,
            resource,
            job.id = %format_args!("{resource}-{job}"),
            how,
            after_ms,
            "call stopped"
        );
    }

    fn finished(&self, job: JobId, end: &JobEnd<'_>) {
        let resource = &*self.resource;
        let (waited_ms, ran_ms) = (milliseconds(end.waited), milliseconds(end.ran));
        let (outcome, attempts) = (end.outcome.as_str(), end.attempts);
        let error = end.error.map(tracing::field::display);
        let detail = match end.error {
            Some(Error::Failed(failure)) => failure.detail(),
            _ => None,
        };
        let callers_fault = end.error.is_some_and(self.is_callers_fault);
        match end.outcome {
            // A faulty client can cause thousands of these.
            Outcome::Failed if callers_fault => tracing::debug!(
                target: TARGET,
                resource,
                job.id = %format_args!("{resource}-{job}"),
                outcome,
                waited_ms,
                ran_ms,
                attempts,
                error,
                "job failed by its caller's fault"
            ),
            Outcome::Failed | Outcome::TimedOut | Outcome::Expired => tracing::warn!(
                target: TARGET,
                resource,
                job.id = %format_args!("{resource}-{job}"),
                outcome,
                waited_ms,
                ran_ms,
                attempts,
                error,
                detail,
                "job failed"
            ),
            Outcome::Succeeded | Outcome::Shed | Outcome::Canceled => tracing::debug!(
                target: TARGET,
                resource,
                job.id = %format_args!("{resource}-{job}"),
                outcome,
                waited_ms,
                ran_ms,
                attempts,
                "job finished"
            ),
        }
    }
}

/// The fields of a finished job's line.
struct JobEnd<'a> {
    outcome: Outcome,
    error: Option<&'a Error>,
    waited: Duration,
    ran: Duration,
    attempts: u32,
}

impl Observer for Log {
    fn observe(&self, event: &Event) {
        match &event.fact {
            Fact::CallRefused(refusal) => self.refused(refusal),
            Fact::AttemptStopped { job, stop, .. } => self.stopped(job.id, stop),
            Fact::JobFinished { job, outcome, error, waited, ran, attempts, .. } => {
                let end = JobEnd {
                    outcome: *outcome,
                    error: error.as_ref(),
                    waited: *waited,
                    ran: *ran,
                    attempts: *attempts,
                };
                self.finished(job.id, &end);
            }
            Fact::LimitChanged { from, to, is_trial: false } => self.limit.changed(*from, *to),
            Fact::LimitFound { limit, finding } => self.limit_found(*limit, *finding),
            Fact::AttemptBlocked { job, held, .. } => self.blocked(job.id, *held),
            _ => {}
        }
        // On every event, so that the last refusals of a burst are reported with the next event.
        self.summarize(event.at);
    }
}

/// Refusals that have not been reported yet, and the earliest time of the next report.
#[derive(Debug)]
struct Refusals {
    since: Instant,
    unreported: AtomicU64,
    /// Milliseconds after `since`.
    next: AtomicU64,
}

impl Refusals {
    fn new(now: Instant) -> Self {
        Self { since: now, unreported: AtomicU64::new(0), next: AtomicU64::new(0) }
    }

    fn count(&self) {
        self.unreported.fetch_add(1, Relaxed);
    }

    /// The number of unreported refusals, if a report is due; only one of several threads gets it.
    fn due(&self, now: Instant) -> Option<u64> {
        if self.unreported.load(Relaxed) == 0 {
            return None;
        }
        let now = milliseconds(now.saturating_duration_since(self.since));
        let next = self.next.load(Relaxed);
        let after = now + milliseconds(SUMMARY_EVERY);
        if now < next || self.next.compare_exchange(next, after, Relaxed, Relaxed).is_err() {
            return None;
        }
        Some(self.unreported.swap(0, Relaxed)).filter(|unreported| *unreported > 0)
    }
}

#[cfg(test)]
mod tests;
