//! Stopping of abandoned calls: interrupted, and if they continue, ended with their process.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use mesero::{JobId, Stop, StopKind};
use mesero_process::frame::{Frame, from_worker};
use tokio::time::{Instant, timeout_at};

use super::control_channel::{CallAddress, StackRequest};
use super::replica::{Replacement, Replica};
use super::seat::Seat;
use super::worker::Worker;

/// An abandoned call that has not stopped yet.
#[derive(Debug)]
pub(super) struct Stopping {
    replica: Arc<Replica>,
    worker: Arc<Worker>,
    call: CallAddress,
    job: JobId,
    since: Instant,
}

/// Support of a call for cancellation, without an interrupt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CancelSupport {
    /// A sync function continues until it is interrupted.
    None,
    /// The call notices the cancellation at its next `await` or its next output.
    Cooperative,
}

impl Stopping {
    /// Begins to stop the call now. Requests its stack at once, ahead of anything that would stop
    /// it.
    pub(super) fn begin(worker: &Arc<Worker>, seat: &Seat, id: u64) -> (Self, StackRequest) {
        let call = CallAddress { id, seat: seat.index };
        let stopping = Self {
            replica: Arc::clone(&seat.replica),
            worker: Arc::clone(worker),
            call,
            job: seat.job(),
            since: Instant::now(),
        };
        (stopping, worker.control_channel.ask_stack(call))
    }

    /// Logs the call's stack and shows it in the job list.
    pub(super) async fn show(&self, stack_request: StackRequest) {
        let Some(stack) = stack_request.answer().await else { return };
        let (resource, job, pid) = (self.replica.resource(), self.job, self.worker.hello.pid);
        let job = format_args!("{resource}-{job}");
        tracing::info!(resource, job.id = %job, pid, stack, "call abandoned");
        self.replica.in_flight().last_seen(self.call.seat, stack.into());
    }

    /// Waits until the call has `finished`. After the timeout it has the worker replaced: the
    /// process is ended after its last other call, or at once if siblings are killed;
    /// `release_worker` drops the call's own lease. `finished` must complete at the latest when the
    /// process has ended.
    ///
    /// Dropping the future stops the escalation; the caller must keep the seat until the call has
    /// stopped.
    pub(super) async fn wait<R>(
        &self,
        cancel_support: CancelSupport,
        finished: impl Future<Output = R>,
        release_worker: impl FnOnce(),
    ) -> (R, Escalation) {
        let mut finished = pin!(finished);
        let until = self.since + self.timeout(cancel_support);
        if let Ok(result) = timeout_at(until, finished.as_mut()).await {
            return (result, Escalation::None);
        }
        self.replica.replace(&self.worker, Replacement::Immediate);
        if self.replica.settings().kill_siblings {
            self.worker.kill();
        }
        release_worker();
        (finished.await, Escalation::ProcessReplaced)
    }

    fn timeout(&self, cancel_support: CancelSupport) -> Duration {
        let settings = self.replica.settings();
        match (settings.interrupt, cancel_support) {
            (Some(timeout), _) => timeout,
            (None, CancelSupport::Cooperative) => settings.grace,
            (None, CancelSupport::None) => Duration::ZERO,
        }
    }

    /// Returns the kind of stop: by the call's last frame, or none if its process has ended.
    pub(super) fn stop(&self, last: Option<&Frame>, escalation: Escalation) -> Stop {
        let kind = match (last.map(|frame| frame.kind), escalation) {
            (Some(from_worker::CANCELED), _) => StopKind::Interrupted,
            (None, Escalation::ProcessReplaced) => StopKind::Killed,
            (Some(_), _) | (None, Escalation::None) => StopKind::ByItself,
        };
        Stop { kind, after: self.since.elapsed() }
    }
}

/// Means that were needed to stop a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escalation {
    None,
    /// Its process was replaced.
    ProcessReplaced,
}
