//! A call of a function, sync or async.

use std::sync::Arc;

use bytes::Bytes;
use mesero::Failure;
use mesero_config::ReplyForm;
use mesero_process::frame::{Frame, TooLong, to_worker};

use super::answer;
use super::async_call::AsyncCall;
use super::seat::Seat;
use super::sync_call::SyncCall;
use crate::{Reply, Request};

/// Serves one attempt. Dropping the future cancels or interrupts the call; its slot is freed when
/// the call has stopped, or its process has ended.
pub(super) async fn call(mut seat: Seat, request: Request) -> Result<Reply, Failure> {
    let worker = seat.worker().await;
    let replica = Arc::clone(&seat.replica);
    let id = worker.next_id();
    let frame = encode(&request, id)?;
    let answered = if worker.hello.is_async {
        match AsyncCall::begin(&worker, seat, id, frame) {
            Some(call) => call.answer().await,
            None => None,
        }
    } else {
        let Some(call) = SyncCall::begin(&worker, seat, id) else {
            return Err(Failure::unreachable("the worker's seat is not idle"));
        };
        call.call(frame).await
    };
    match answered {
        Some(frame) => answer::read(frame, request.form, replica.exceptions()),
        None => {
            // Before the slot is freed, so that no other attempt is granted this seat.
            replica.lost(&worker);
            Err(worker.failure())
        }
    }
}

fn encode(request: &Request, id: u64) -> Result<Bytes, Failure> {
    let kind = match request.form {
        ReplyForm::Text => to_worker::CALL_TEXT,
        ReplyForm::Json => to_worker::CALL_JSON,
    };
    let frame = Frame { kind, id, payload: request.arguments.clone() };
    frame.encode().map_err(|TooLong { bytes }| {
        Failure::raised(format!("arguments of {bytes} bytes are too long for a worker"))
    })
}
