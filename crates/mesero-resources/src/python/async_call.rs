//! A call in a task on a worker's event loop.

use std::sync::Arc;

use bytes::Bytes;
use mesero_process::frame::Frame;
use tokio::sync::oneshot;

use super::seat::Seat;
use super::stopping::{CancelSupport, Stopping};
use super::worker::Worker;

/// A call whose task runs in Python.
///
/// Dropped before its answer has arrived, it cancels the task. A background task then keeps the
/// seat and its slot until the task in Python has ended, or the process has.
pub(super) struct AsyncCall {
    worker: Arc<Worker>,
    id: u64,
    /// None once the call has ended.
    running: Option<Running>,
}

/// Dropped when the task has ended, which frees the slot.
struct Running {
    rx: oneshot::Receiver<Frame>,
    seat: Seat,
}

impl AsyncCall {
    /// Sends a call; none if the worker has ended.
    pub(super) fn begin(worker: &Arc<Worker>, seat: Seat, id: u64, call: Bytes) -> Option<Self> {
        seat.enter(worker, id);
        let rx = worker.multiplex()?.send(id, call)?;
        let running = Some(Running { rx, seat });
        Some(Self { worker: Arc::clone(worker), id, running })
    }

    /// Waits for the answer; none if the worker has ended. Dropping the future cancels the call, as
    /// dropping `self` does.
    pub(super) async fn answer(mut self) -> Option<Frame> {
        let answer = (&mut self.running.as_mut()?.rx).await;
        self.running = None;
        answer.ok()
    }
}

impl Drop for AsyncCall {
    fn drop(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        if running.rx.try_recv() != Err(oneshot::error::TryRecvError::Empty) {
            // The answer has arrived, or the worker has ended.
            return;
        }
        let (stopping, stack_request) = Stopping::begin(&self.worker, &running.seat, self.id);
        let tasks = running.seat.replica.tasks().clone();
        let (worker, id) = (Arc::clone(&self.worker), self.id);
        tasks.spawn(async move {
            let Running { rx, mut seat } = running;
            // Before the cancellation, while the task still has a stack.
            stopping.show(stack_request).await;
            if let Some(multiplex) = worker.multiplex() {
                multiplex.cancel(id);
            }
            let (frame, escalation) =
                stopping.wait(CancelSupport::Cooperative, rx, || seat.release_worker()).await;
            seat.stopped(stopping.stop(frame.ok().as_ref(), escalation));
        });
    }
}
