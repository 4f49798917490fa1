//! Ends of jobs: a result, the last caller's departure, or a stop signal.

use std::sync::Arc;

use tokio::time::Instant;

use super::{DispatcherState, LeaveReason};
use crate::answer::{CallReport, Origin};
use crate::call::JobId;
use crate::event::{Fact, Outcome};
use crate::job::Job;
use crate::policy::OnDisconnect;
use crate::{Error, Phase};

impl<T> DispatcherState<T> {
    /// Ends the job in any phase, and returns its report; `None` if it has already ended.
    pub(crate) fn finish(
        &mut self,
        job: &Job<T>,
        result: &Result<T, Error>,
        now: Instant,
    ) -> Option<CallReport> {
        let error = result.as_ref().err();
        let phase = self.registry.get(job.id())?.state.phase();
        self.end_attempt(job.id(), error, now);
        self.dequeue(job.id(), now);
        let entry = self.registry.remove(job.id())?;
        self.queue.tenants.release(entry.ticket.tenant);
        let report = entry.report(Origin::Led, now);
        if entry.waiters > 0 && self.is_overloaded(now) {
            self.caller_timeouts.caller_stayed(now - job.info.started, now);
        }
        self.emit(
            now,
            Fact::JobFinished {
                job: Arc::clone(&job.info),
                outcome: Outcome::of(error),
                error: error.cloned(),
                waited: report.waited,
                ran: report.ran,
                attempts: report.attempts,
                phase,
            },
        );
        self.effects.work_ended = true;
        Some(report)
    }

    /// Records that a call has its answer.
    pub(crate) fn answered(&mut self, now: Instant) {
        self.calls_in_flight -= 1;
        self.effects.work_ended = true;
        self.emit(now, Fact::CallFinished);
    }

    /// Removes a waiter from its job; `None` if the job has ended, so that the answer is there.
    pub(crate) fn leave(
        &mut self,
        id: JobId,
        reason: LeaveReason,
        now: Instant,
    ) -> Option<(Phase, CallReport)> {
        let entry = self.registry.get_mut(id)?;
        entry.waiters -= 1;
        let (phase, report) = (entry.state.phase(), entry.report(Origin::Led, now));
        let stayed = now - entry.job.info.started;
        let abandoned = entry.waiters == 0 && !entry.is_refresh;
        self.answered(now);
        if reason == LeaveReason::Disconnected && self.is_overloaded(now) {
            self.caller_timeouts.caller_left(stayed, now);
        }
        match (abandoned, reason, self.policy.on_disconnect) {
            (true, LeaveReason::Expired, _) => self.stop(id, Error::Expired { phase }, now),
            (true, LeaveReason::Disconnected, OnDisconnect::Cancel) => {
                self.stop(id, Error::Canceled, now);
            }
            (true, LeaveReason::Disconnected, OnDisconnect::Finish) | (false, ..) => {}
        }
        Some((phase, report))
    }

    /// Sends a job the stop signal, and takes it out of the queue at once; false if it is not in
    /// flight.
    pub(crate) fn cancel(&mut self, id: JobId, now: Instant) -> bool {
        let in_flight = self.registry.get(id).is_some();
        self.stop(id, Error::Canceled, now);
        in_flight
    }

    pub(super) fn stop(&mut self, id: JobId, reason: Error, now: Instant) {
        let Some(entry) = self.registry.get(id) else { return };
        let job = Arc::clone(&entry.job);
        self.registry.forbid_joining(&job.info);
        job.stop.raise(reason);
        self.dequeue(id, now);
    }

    /// Refuses new calls from now on.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
    }

    /// Ends all jobs at once.
    pub(crate) fn stop_all(&mut self, now: Instant) {
        let all: Vec<_> = self.registry.iter().map(|entry| (entry.job.id(), entry.state)).collect();
        for (id, state) in all {
            let reason = match state.phase() {
                Phase::Queued | Phase::Backoff => Error::Shed,
                Phase::Running | Phase::Stopping => Error::Canceled,
            };
            self.stop(id, reason, now);
        }
    }
}
