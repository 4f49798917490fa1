//! An HTTP/2 connection with many concurrent requests.

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

/// Flow-control window of a stream: enough for 800 Mbit/s at 10 ms. The connection's window is the sum of those of its
/// streams, so that no stream blocks another.
const WINDOW_BYTES: u32 = 1024 * 1024;

/// The largest window (RFC 9113, 6.9.1).
const LARGEST_WINDOW_BYTES: u32 = (1 << 31) - 1;

/// The largest response head, as over HTTP/1.1.
const HEAD_BYTES: u32 = 64 * 1024;

/// A connection. Dropped, it is closed with all its streams.
#[derive(Debug)]
pub(crate) struct Http2Connection {
    sender: SendRequest<Bytes>,
    permits: Arc<StreamPermits>,
    /// The task that reads and writes.
    _driver: JoinSet<()>,
    /// Whether any response has arrived.
    has_response: AtomicBool,
}

/// The body of a response. Dropped before its end, it resets the stream.
#[derive(Debug)]
pub(crate) struct Http2Body(RecvStream);

/// Why a request has no response.
#[derive(Debug)]
pub(crate) enum SendFailure {
    /// The server closes the connection, and has not processed the request.
    Unprocessed(Fault),
    Failed(Fault),
}

impl Http2Connection {
    /// Opens a connection and performs the HTTP/2 handshake. Dropped before, it closes the socket.
    pub(crate) async fn open(target: &Endpoint) -> Result<Self, Fault> {
        let socket = target.connect().await?;
        let streams = u32::try_from(target.protocol.streams().get()).unwrap_or(u32::MAX);
        let connected = Builder::new()
            .enable_push(false)
            // One request may be sent before the server's settings arrive; more could be refused.
            .initial_max_send_streams(1)
            .initial_window_size(WINDOW_BYTES)
            .initial_connection_window_size(
                WINDOW_BYTES.saturating_mul(streams).min(LARGEST_WINDOW_BYTES),
            )
            .max_header_list_size(HEAD_BYTES)
            // Responses to requests that timed out are no reason to close the connection.
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

    /// Sends the request when the server has a stream for it, and waits for the whole response. Dropped before, it
    /// resets the stream. After the deadline it sends nothing and never returns.
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

    /// Sends the request, and waits for the head of the response. Dropped before, it resets the stream.
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
            // Sent as the flow control allows. A failure shows in the response, or in its absence.
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
    /// The next part of the body; none at its end, after the trailers. The library checks the announced length.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, Fault>> {
        let cut_off = |error| fault::of(&error, ResponseStage::Partial);
        let Some(chunk) = self.0.data().await else {
            return self.0.trailers().await.err().map(|error| Err(cut_off(error)));
        };
        let released = chunk.and_then(|chunk| {
            // Extends the window by what was read.
            self.0.flow_control().release_capacity(chunk.len())?;
            Ok(chunk)
        });
        Some(released.map_err(cut_off))
    }
}

impl SendFailure {
    /// A failure before the response head.
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
