//! A call that nobody wants any more: interrupted, and if it does not yield, ended with its process.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use mesero::{JobId, Stop, StopKind};
use mesero_process::frame::{Frame, from_worker};
use tokio::time::{Instant, timeout_at};

use super::orders::{Asked, CallAt};
use super::replica::{Place, Retire};
use super::seat::Seat;
use super::worker::Worker;

/// A call that was given up and has not stopped yet.
#[derive(Debug)]
pub(super) struct Stopping {
    place: Arc<Place>,
    worker: Arc<Worker>,
    call: CallAt,
    job: JobId,
    since: Instant,
}

/// What a call that was given up can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hears {
    /// Nothing, unless it is interrupted.
    Nothing,
    /// To stop where it next waits or says something.
    Cancel,
}

impl Stopping {
    /// The call is given up now. The worker is asked at once where it is, ahead of anything that
    /// would stop it.
    pub(super) fn begin(worker: &Arc<Worker>, seat: &Seat, id: u64) -> (Self, Asked) {
        let call = CallAt { id, lane: seat.lane };
        let stopping = Self {
            place: Arc::clone(&seat.place),
            worker: Arc::clone(worker),
            call,
            job: seat.job(),
            since: Instant::now(),
        };
        (stopping, worker.orders.ask_stack(call))
    }

    /// Shows where the call is, in the log and to whoever asks for the job.
    pub(super) async fn show(&self, asked: Asked) {
        let Some(stack) = asked.answer().await else { return };
        let (resource, job, pid) = (self.place.resource(), self.job, self.worker.hello.pid);
        let job = format_args!("{resource}-{job}");
        tracing::info!(resource, job.id = %job, pid, stack, "call given up");
        self.place.calls().last_seen(self.call.lane, stack.into());
    }

    /// Waits until the call has `finished`. If that takes too long, has its worker replaced, which
    /// ends the process when no other call is in it, or at once where siblings are not spared;
    /// `let_go` gives up the call's own hold on it. `finished` must come true at the latest when
    /// the process is gone.
    pub(super) async fn wait<R>(
        &self,
        hears: Hears,
        finished: impl Future<Output = R>,
        let_go: impl FnOnce(),
    ) -> (R, Force) {
        let mut finished = pin!(finished);
        let until = self.since + self.patience(hears);
        if let Ok(result) = timeout_at(until, finished.as_mut()).await {
            return (result, Force::None);
        }
        self.place.retire(&self.worker, Retire::AtOnce);
        if self.place.settings().kill_siblings {
            self.worker.condemn();
        }
        let_go();
        (finished.await, Force::Process)
    }

    fn patience(&self, hears: Hears) -> Duration {
        let settings = self.place.settings();
        match (settings.interrupt, hears) {
            (Some(patience), _) => patience,
            (None, Hears::Cancel) => settings.grace,
            (None, Hears::Nothing) => Duration::ZERO,
        }
    }

    /// How it stopped: with this last frame, or none as its process is gone.
    pub(super) fn stop(&self, last: Option<&Frame>, force: Force) -> Stop {
        let kind = match (last.map(|frame| frame.kind), force) {
            (Some(from_worker::CANCELED), _) => StopKind::Interrupted,
            (None, Force::Process) => StopKind::Killed,
            (Some(_), _) | (None, Force::None) => StopKind::ByItself,
        };
        Stop { kind, after: self.since.elapsed() }
    }
}

/// What it took to stop a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Force {
    None,
    /// Its process had to go.
    Process,
}
