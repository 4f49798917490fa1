//! Which call is at which seat of a place, and where in its code.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mesero::JobId;

use super::orders::CallAt;
use super::worker::Worker;

/// The calls at a place, by lane. A call that outlives its caller is among them until it ends.
#[derive(Debug, Default)]
pub(super) struct Calls(Mutex<HashMap<usize, InPlace>>);

#[derive(Debug)]
struct InPlace {
    job: JobId,
    worker: Arc<Worker>,
    id: u64,
    /// Where it was when nobody wanted it any more.
    last_seen: Option<Arc<str>>,
}

impl Calls {
    pub(super) fn enter(&self, job: JobId, worker: &Arc<Worker>, call: CallAt) {
        let worker = Arc::clone(worker);
        let call_in_place = InPlace { job, worker, id: call.id, last_seen: None };
        self.calls().insert(call.lane, call_in_place);
    }

    pub(super) fn leave(&self, lane: usize) {
        self.calls().remove(&lane);
    }

    /// Keeps where the call was when it was given up.
    pub(super) fn last_seen(&self, lane: usize, stack: Arc<str>) {
        if let Some(call) = self.calls().get_mut(&lane) {
            call.last_seen = Some(stack);
        }
    }

    /// Where the job's call at this lane is, or was when it was given up. Asks the worker, which
    /// takes a fifth of a second at most; none if it does not say, or the call is over.
    pub(super) async fn stack(&self, lane: usize, job: JobId) -> Option<String> {
        let asked = {
            let calls = self.calls();
            let call = calls.get(&lane).filter(|call| call.job == job)?;
            if let Some(stack) = &call.last_seen {
                return Some(stack.to_string());
            }
            call.worker.orders.ask_stack(CallAt { id: call.id, lane })
        };
        asked.answer().await
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<usize, InPlace>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
