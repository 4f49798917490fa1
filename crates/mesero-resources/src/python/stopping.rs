//! A call that nobody wants any more: interrupted, and if it does not yield, ended with its process.

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

/// A call that was given up and has not stopped yet.
#[derive(Debug)]
pub(super) struct Stopping {
    replica: Arc<Replica>,
    worker: Arc<Worker>,
    call: CallAddress,
    job: JobId,
    since: Instant,
}

/// What a call that was given up can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopSignal {
    /// Nothing, unless it is interrupted.
    Nothing,
    /// To stop where it next waits or says something.
    Cancel,
}

impl Stopping {
    /// The call is given up now. The worker is asked at once where it is, ahead of anything that
    /// would stop it.
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

    /// Shows where the call is, in the log and to whoever asks for the job.
    pub(super) async fn show(&self, stack_request: StackRequest) {
        let Some(stack) = stack_request.answer().await else { return };
        let (resource, job, pid) = (self.replica.resource(), self.job, self.worker.hello.pid);
        let job = format_args!("{resource}-{job}");
        tracing::info!(resource, job.id = %job, pid, stack, "call given up");
        self.replica.in_flight().last_seen(self.call.seat, stack.into());
    }

    /// Waits until the call has `finished`. If that takes too long, has its worker replaced, which
    /// ends the process when no other call is in it, or at once where siblings are not spared;
    /// `release_worker` gives up the call's own hold on it. `finished` must come true at the latest when
    /// the process is gone.
    pub(super) async fn wait<R>(
        &self,
        signal: StopSignal,
        finished: impl Future<Output = R>,
        release_worker: impl FnOnce(),
    ) -> (R, Escalation) {
        let mut finished = pin!(finished);
        let until = self.since + self.timeout_after(signal);
        if let Ok(result) = timeout_at(until, finished.as_mut()).await {
            return (result, Escalation::None);
        }
        self.replica.replace(&self.worker, Replacement::Immediate);
        if self.replica.settings().kill_siblings {
            self.worker.kill();
        }
        release_worker();
        (finished.await, Escalation::WorkerProcess)
    }

    fn timeout_after(&self, signal: StopSignal) -> Duration {
        let settings = self.replica.settings();
        match (settings.interrupt, signal) {
            (Some(timeout_after), _) => timeout_after,
            (None, StopSignal::Cancel) => settings.grace,
            (None, StopSignal::Nothing) => Duration::ZERO,
        }
    }

    /// How it stopped: with this last frame, or none as its process is gone.
    pub(super) fn stop(&self, last: Option<&Frame>, escalation: Escalation) -> Stop {
        let kind = match (last.map(|frame| frame.kind), escalation) {
            (Some(from_worker::CANCELED), _) => StopKind::Interrupted,
            (None, Escalation::WorkerProcess) => StopKind::Killed,
            (Some(_), _) | (None, Escalation::None) => StopKind::ByItself,
        };
        Stop { kind, after: self.since.elapsed() }
    }
}

/// What it took to stop a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escalation {
    None,
    /// Its process had to go.
    WorkerProcess,
}
