//! Which call is at which seat of a place, and where in its code.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mesero::JobId;

use super::control_channel::CallAddress;
use super::worker::Worker;

/// The calls at a place, by lane. A call that outlives its caller is among them until it ends.
#[derive(Debug, Default)]
pub(super) struct CallsInFlight(Mutex<HashMap<usize, CallInFlight>>);

#[derive(Debug)]
struct CallInFlight {
    job: JobId,
    worker: Arc<Worker>,
    id: u64,
    /// Where it was when nobody wanted it any more.
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

    /// Keeps where the call was when it was given up.
    pub(super) fn last_seen(&self, seat: usize, stack: Arc<str>) {
        if let Some(call) = self.calls().get_mut(&seat) {
            call.last_seen = Some(stack);
        }
    }

    /// Where the job's call at this lane is, or was when it was given up. Asks the worker, which
    /// takes a fifth of a second at most; none if it does not say, or the call is over.
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
