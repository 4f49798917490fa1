//! A connection that carries many requests at once.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bytes::Bytes;
use h2::RecvStream;
use h2::client::{Builder, SendRequest};
use http::Response;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::client::endpoint::Endpoint;
use crate::client::http2::fault::{self, ResponseStage};
use crate::client::http2::stream_permits::{self, StreamPermits};
use crate::client::request::EncodedRequest;
use crate::stats::outcome::{Fault, FaultKind, ResponseSummary};

/// What may be under way of one answer before it is taken: enough for 800 Mbit/s over 10 ms. A
/// connection's window is that of all its streams together, so none holds up another.
const WINDOW_BYTES: u32 = 1024 * 1024;

/// The largest window that there can be (RFC 9113, 6.9.1).
const LARGEST_WINDOW_BYTES: u32 = (1 << 31) - 1;

/// The largest head of an answer, as over HTTP/1.1.
const HEAD_BYTES: u32 = 64 * 1024;

/// A connection. Dropped, it is closed, with all that is under way.
#[derive(Debug)]
pub(crate) struct Http2Connection {
    sender: SendRequest<Bytes>,
    permits: Arc<StreamPermits>,
    /// Who reads and writes.
    _driver: JoinSet<()>,
    /// Whether an answer has come.
    has_response: AtomicBool,
}

/// The body of an answer. Dropped before its end, it resets the stream.
#[derive(Debug)]
pub(crate) struct Http2Body(RecvStream);

/// Why a request has no answer.
#[derive(Debug)]
pub(crate) enum SendFailure {
    /// The server takes nothing more over this connection, and has not looked at it.
    Unprocessed(Fault),
    Failed(Fault),
}

impl Http2Connection {
    /// Makes one, and begins to speak.
    pub(crate) async fn open(target: &Endpoint) -> Result<Self, Fault> {
        let socket = target.connect().await?;
        let streams = u32::try_from(target.protocol.streams().get()).unwrap_or(u32::MAX);
        let connected = Builder::new()
            .enable_push(false)
            // The first request goes at once; for the others it is heard first how many the server
            // takes, so that it has none to refuse.
            .initial_max_send_streams(1)
            .initial_window_size(WINDOW_BYTES)
            .initial_connection_window_size(
                WINDOW_BYTES.saturating_mul(streams).min(LARGEST_WINDOW_BYTES),
            )
            .max_header_list_size(HEAD_BYTES)
            // Answers to those who gave up are no reason to close the connection, in however many
            // pieces they come.
            .max_local_error_reset_streams(None)
            .data_frame_budget(usize::MAX)
            .handshake(socket)
            .await;
        let (sender, connection) =
            connected.map_err(|error| fault::of(&error, ResponseStage::ConnectionSilent))?;
        let mut driver = JoinSet::new();
        let permits = Arc::new(StreamPermits::new(target.protocol.streams().get()));
        driver.spawn(stream_permits::drive(connection, sender.clone(), Arc::clone(&permits)));
        Ok(Self { sender, permits, _driver: driver, has_response: AtomicBool::new(false) })
    }

    /// Sends the target's request as soon as the server takes it, and waits for its whole answer.
    /// Dropped meanwhile, this tells the server that nobody waits for it any more. What nobody would
    /// wait for, since that instant is over, is not sent, and nothing becomes of it.
    pub(crate) async fn send(
        &self,
        target: &Endpoint,
        until: Instant,
    ) -> Result<ResponseSummary, SendFailure> {
        let permit = self.permits.acquire().await;
        if Instant::now() >= until {
            drop(permit);
            return pending().await;
        }
        let response = self.response(target).await?;
        let status = response.status().as_u16();
        let mut body = response.into_body();
        let mut body_bytes = 0;
        while let Some(chunk) = body.next().await {
            body_bytes += chunk.map_err(SendFailure::Failed)?.len() as u64;
        }
        Ok(ResponseSummary { status, body_bytes, keeps_alive: true })
    }

    /// Sends the target's request, and waits for the head of its answer. Who drops what this returns
    /// has left.
    pub(crate) async fn response(
        &self,
        target: &Endpoint,
    ) -> Result<Response<Http2Body>, SendFailure> {
        let EncodedRequest::Http2 { head, body } = &target.message else {
            let why = "the request is not in the words of HTTP/2";
            return Err(SendFailure::Failed(Fault::new(FaultKind::Generator, why)));
        };
        let sent = self.sender.clone().send_request(head.as_ref().clone(), body.is_empty());
        let (response, mut upload) = sent.map_err(|error| {
            SendFailure::Unprocessed(fault::of(&error, ResponseStage::ConnectionSilent))
        })?;
        if !body.is_empty() {
            // It goes as the server makes room. How it failed the answer says, or its absence.
            let _ = upload.send_data(body.clone(), true);
        }
        let response =
            response.await.map_err(|error| SendFailure::before_response(&error, self.stage()))?;
        if !self.has_response.swap(true, Relaxed) {
            target.record_stream_limit(self.sender.current_max_send_streams());
        }
        Ok(response.map(Http2Body))
    }

    fn stage(&self) -> ResponseStage {
        if self.has_response.load(Relaxed) {
            ResponseStage::NoResponse
        } else {
            ResponseStage::ConnectionSilent
        }
    }
}

impl Http2Body {
    /// The next piece; none when the answer is over, with its trailers if there are any. That it is as
    /// long as its head says is seen to by the library.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, Fault>> {
        let cut_off = |error| fault::of(&error, ResponseStage::Partial);
        let Some(chunk) = self.0.data().await else {
            return self.0.trailers().await.err().map(|error| Err(cut_off(error)));
        };
        let released = chunk.and_then(|chunk| {
            // The server may send as much again.
            self.0.flow_control().release_capacity(chunk.len())?;
            Ok(chunk)
        });
        Some(released.map_err(cut_off))
    }
}

impl SendFailure {
    /// Before anything of an answer.
    fn before_response(error: &h2::Error, stage: ResponseStage) -> Self {
        let is_graceful = error.is_go_away() && error.is_remote();
        let fault = fault::of(error, stage);
        if is_graceful && error.reason() == Some(h2::Reason::NO_ERROR) {
            SendFailure::Unprocessed(fault)
        } else {
            SendFailure::Failed(fault)
        }
    }

    pub(crate) fn fault(self) -> Fault {
        match self {
            SendFailure::Unprocessed(fault) | SendFailure::Failed(fault) => fault,
        }
    }
}
