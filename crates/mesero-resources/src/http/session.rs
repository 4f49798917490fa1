//! Sessions: one request and its response, over either version of HTTP.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Frame, SizeHint};
use mesero_http::body::BoxError;

use super::http1;
use super::http2::{self, Http2Stream};
use super::request_body::RequestBody;
use super::send_error::SendError;
use super::timeouts::UploadProgress;

/// A session for one request, driven by the task that awaits the response.
#[derive(Debug)]
pub(super) enum UpstreamSession {
    /// A connection that belongs to the seat.
    Http1(Box<http1::Http1Connection>),
    /// A stream on a shared connection.
    Http2(Http2Stream),
}

/// The body of a response, from either version.
#[derive(Debug)]
pub(super) enum SessionBody {
    Http1(hyper::body::Incoming),
    Http2(http2::StreamBody),
    /// It was broken off.
    Aborted,
}

impl UpstreamSession {
    /// Sends a request, and waits for the head of its response. Dropping the future leaves a
    /// session that cannot be used again.
    pub(super) async fn send(
        &mut self,
        request: Request<RequestBody>,
        first_byte_timeout: Option<Duration>,
    ) -> Result<Response<SessionBody>, SendError> {
        match self {
            UpstreamSession::Http1(connection) => {
                let response = connection.send(request, first_byte_timeout).await?;
                Ok(response.map(SessionBody::Http1))
            }
            UpstreamSession::Http2(stream) => {
                let response = stream.send(request, first_byte_timeout).await?;
                Ok(response.map(SessionBody::Http2))
            }
        }
    }

    /// Returns the progress of the last request's body.
    pub(super) fn progress(&self) -> Arc<UploadProgress> {
        match self {
            UpstreamSession::Http1(connection) => connection.progress(),
            UpstreamSession::Http2(stream) => stream.progress(),
        }
    }

    /// Drives the session: writes the rest of a request, reads more of a response.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        match self {
            UpstreamSession::Http1(connection) => connection.poll(cx),
            UpstreamSession::Http2(stream) => stream.poll(cx),
        }
    }

    /// Updates the session's state, outside of the task's cooperative budget.
    pub(super) fn refresh(&mut self, cx: &mut Context<'_>) {
        match self {
            UpstreamSession::Http1(connection) => connection.refresh(cx),
            // A task of its own drives the connection.
            UpstreamSession::Http2(_) => {}
        }
    }

    /// Returns true if the session was open and idle at the last update. A stream carries one
    /// request only.
    pub(super) fn is_idle(&self) -> bool {
        match self {
            UpstreamSession::Http1(connection) => connection.is_idle(),
            UpstreamSession::Http2(_) => false,
        }
    }
}

impl Body for SessionBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            SessionBody::Http1(body) => {
                Pin::new(body).poll_frame(cx).map(|frame| frame.map(|frame| Ok(frame?)))
            }
            SessionBody::Http2(body) => {
                Pin::new(body).poll_frame(cx).map(|frame| frame.map(|frame| Ok(frame?)))
            }
            SessionBody::Aborted => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            SessionBody::Http1(body) => body.is_end_stream(),
            SessionBody::Http2(body) => body.is_end_stream(),
            SessionBody::Aborted => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            SessionBody::Http1(body) => body.size_hint(),
            SessionBody::Http2(body) => body.size_hint(),
            SessionBody::Aborted => SizeHint::default(),
        }
    }
}
