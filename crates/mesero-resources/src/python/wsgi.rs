//! One request to a WSGI application, and its response.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use hyper::body::{Frame as BodyFrame, Incoming, SizeHint};
use mesero::Failure;
use mesero_http::body::{Body, BoxError};
use mesero_http::payload::Payload;
use mesero_process::frame::{Frame, from_worker, to_worker};
use tokio::sync::mpsc;

mod environ;
mod head;

use super::answer::Raised;
use super::seat::Seat;
use super::sync_call::SyncCall;
use crate::{Reply, Request};
use head::ResponseHead;

/// Serves one attempt. A reply with a streamed body keeps the seat until the application is done.
/// Dropping the future, or the body, stops the application; the slot is freed when it has stopped.
pub(super) async fn call(mut seat: Seat, request: Request) -> Result<Reply, Failure> {
    let worker = seat.worker().await;
    let replica = Arc::clone(&seat.replica);
    let tasks = replica.tasks().clone();
    let lost = || {
        // Before the slot is freed, so that no other attempt is granted this seat.
        replica.lost(&worker);
        worker.failure()
    };
    let id = worker.next_id();
    let encoded = encode(&request, id)?;
    let mut body = request.body.take_stream();
    if matches!(request.body, Payload::Streaming(_)) && body.is_none() {
        return Err(Failure::raised("the request's body was streamed to an earlier attempt"));
    }
    let stored = match &request.body {
        Payload::Stored(stored) => Some(Arc::clone(stored)),
        Payload::Whole(_) | Payload::Streaming(_) => None,
    };
    drop(request);
    let Some(mut call) = SyncCall::begin(&worker, seat, id) else {
        return Err(Failure::unreachable("the worker's seat is not idle"));
    };
    if body.is_some() {
        call.open_body();
    }
    call.send(encoded, stored).await.ok_or_else(lost)?;
    let first = call.next(&mut body).await.ok_or_else(lost)?;
    if first.kind != from_worker::HEAD {
        let frame = call.end(Ok(first)).ok_or_else(lost)?;
        return Err(failure(&frame));
    }
    let head = match ResponseHead::read(&first.payload) {
        Ok(head) => head,
        Err(failure) => {
            tasks.spawn(call.abandon());
            return Err(failure);
        }
    };
    let (mut pieces, mut unread) = (VecDeque::new(), None);
    while let Some(frame) = call.ready() {
        match frame.kind {
            from_worker::PIECE => pieces.push_back(frame.payload),
            from_worker::END => {
                call.end(Ok(frame)).ok_or_else(lost)?;
                return Ok(Reply::response(head.status, head.headers, joined(pieces).into()));
            }
            _ => {
                unread = Some(frame);
                break;
            }
        }
    }
    let missing = head.content_length().map(|length| length.saturating_sub(bytes(&pieces)));
    let (tx, rx) = mpsc::channel(BUFFERED_PIECES);
    match unread {
        None => {
            tasks.spawn(Relay { call, body, tx, missing }.run());
        }
        // Regardless of whether the head has been sent, the client sees the same.
        Some(frame) => {
            let _ = tx.try_send(Err(broken_off(&frame)));
            call.end(Ok(frame)).ok_or_else(lost)?;
        }
    }
    let body = StreamedBody { pieces, rx, missing, is_over: false };
    Ok(Reply::response(head.status, head.headers, Body::stream(body)))
}

/// One piece waits for the client, while the next one waits in the worker.
const BUFFERED_PIECES: usize = 1;

/// Returns the request's frames, with the body if it is complete.
fn encode(request: &Request, id: u64) -> Result<Bytes, Failure> {
    let too_long = |_| Failure::raised("the request is too long");
    let head = Frame { kind: to_worker::REQUEST, id, payload: environ::of(request) };
    let head = head.encode().map_err(too_long)?;
    let whole = request.body.buffered();
    if whole.is_empty() {
        return Ok(head);
    }
    let body = Frame { kind: to_worker::BODY, id, payload: whole }.encode().map_err(too_long)?;
    Ok([head, body].concat().into())
}

/// Returns the failure that a last frame other than END contains.
fn failure(frame: &Frame) -> Failure {
    match (frame.kind, serde_json::from_slice::<Raised>(&frame.payload)) {
        (from_worker::RAISED, Ok(raised)) => raised.into(),
        (kind, _) => Failure::lost(format!("the worker answered with a frame of kind {kind}")),
    }
}

/// Logs a failure after the response has begun; returns the error that breaks the body off.
fn broken_off(frame: &Frame) -> BoxError {
    let failure = failure(frame);
    let traceback = failure.detail().unwrap_or_default();
    tracing::error!("an application failed after its answer had begun: {failure}\n{traceback}");
    failure.to_string().into()
}

fn bytes(pieces: &VecDeque<Bytes>) -> u64 {
    pieces.iter().map(|piece| piece.len() as u64).sum()
}

fn joined(mut pieces: VecDeque<Bytes>) -> Bytes {
    match pieces.len() {
        1 => pieces.pop_front().unwrap_or_default(),
        _ => pieces
            .into_iter()
            .fold(BytesMut::new(), |mut whole, piece| {
                whole.extend_from_slice(&piece);
                whole
            })
            .freeze(),
    }
}

/// Copies the rest of a response to its body; holds the seat until the application is done.
struct Relay {
    call: SyncCall,
    /// The rest of the client's request body.
    body: Option<Incoming>,
    tx: mpsc::Sender<Result<Bytes, BoxError>>,
    /// Announced bytes of the response that have not been forwarded yet.
    missing: Option<u64>,
}

impl Relay {
    async fn run(mut self) {
        while self.missing != Some(0) {
            let frame = tokio::select! {
                frame = self.call.next(&mut self.body) => frame,
                () = self.tx.closed() => return self.call.abandon().await,
            };
            let Some(frame) = frame else {
                // The seat is closed before its slot comes back.
                let _ =
                    self.tx.try_send(Err("the worker ended in the middle of its answer".into()));
                self.call.end(Err(std::io::ErrorKind::UnexpectedEof.into()));
                return;
            };
            match frame.kind {
                from_worker::PIECE => {
                    let length = frame.payload.len() as u64;
                    self.missing = self.missing.map(|missing| missing.saturating_sub(length));
                    if self.tx.send(Ok(frame.payload)).await.is_err() {
                        return self.call.abandon().await;
                    }
                }
                from_worker::END => {
                    self.call.end(Ok(frame));
                    return;
                }
                _ => {
                    let error = broken_off(&frame);
                    self.call.end(Ok(frame));
                    let _ = self.tx.send(Err(error)).await;
                    return;
                }
            }
        }
        // The client has everything; the application's `close` may still run.
        drop(self.tx);
        self.call.finish().await;
    }
}

/// The body of a response in progress. Dropping it stops the application.
struct StreamedBody {
    pieces: VecDeque<Bytes>,
    rx: mpsc::Receiver<Result<Bytes, BoxError>>,
    missing: Option<u64>,
    is_over: bool,
}

impl hyper::body::Body for StreamedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, BoxError>>> {
        if let Some(piece) = self.pieces.pop_front() {
            return Poll::Ready(Some(Ok(BodyFrame::data(piece))));
        }
        if self.is_over {
            return Poll::Ready(None);
        }
        let piece = std::task::ready!(self.rx.poll_recv(cx));
        match &piece {
            Some(Ok(piece)) => {
                let length = piece.len() as u64;
                self.missing = self.missing.map(|missing| missing.saturating_sub(length));
            }
            Some(Err(_)) | None => self.is_over = true,
        }
        Poll::Ready(piece.map(|piece| piece.map(BodyFrame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        match self.missing {
            Some(missing) => SizeHint::with_exact(missing + bytes(&self.pieces)),
            None => SizeHint::default(),
        }
    }
}
