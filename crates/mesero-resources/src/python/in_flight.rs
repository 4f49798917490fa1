//! The calls at the seats of a replica, with their stacks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mesero::JobId;

use super::control_channel::CallAddress;
use super::worker::Worker;

/// Calls by seat. A call that outlives its caller stays until it ends.
#[derive(Debug, Default)]
pub(super) struct CallsInFlight(Mutex<HashMap<usize, CallInFlight>>);

#[derive(Debug)]
struct CallInFlight {
    job: JobId,
    worker: Arc<Worker>,
    id: u64,
    /// Its stack at the time when it was abandoned.
    last_seen: Option<Arc<str>>,
}

impl CallsInFlight {
    pub(super) fn enter(&self, job: JobId, worker: &Arc<Worker>, call: CallAddress) {
        let worker = Arc::clone(worker);
        let call_in_flight = CallInFlight { job, worker, id: call.id, last_seen: None };
        self.calls().insert(call.seat, call_in_flight);
    }

    pub(super) fn leave(&self, seat: usize) {
        self.calls().remove(&seat);
    }

    /// Stores the call's stack at the time when it was abandoned.
    pub(super) fn last_seen(&self, seat: usize, stack: Arc<str>) {
        if let Some(call) = self.calls().get_mut(&seat) {
            call.last_seen = Some(stack);
        }
    }

    /// Returns the stack of the job's call at this seat, or the one stored when the call was
    /// abandoned. Asks the worker, which takes a fifth of a second at most; none if it does not
    /// answer, or the call has ended.
    pub(super) async fn stack(&self, seat: usize, job: JobId) -> Option<String> {
        let stack_request = {
            let calls = self.calls();
            let call = calls.get(&seat).filter(|call| call.job == job)?;
            if let Some(stack) = &call.last_seen {
                return Some(stack.to_string());
            }
            call.worker.control_channel.ask_stack(CallAddress { id: call.id, seat })
        };
        stack_request.answer().await
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<usize, CallInFlight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
