//! Sessions: one request and its response, over either version of HTTP.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, StatusCode, response};
use hyper::body::SizeHint;

use super::cut::CutEnd;
use super::http1::Http1Connection;
use super::http2::Http2Stream;
use super::progress::{AnswerState, FrameResult};
use super::request_body::RequestBody;
use super::send_error::SendError;
use super::timeouts::UploadProgress;

/// A session for one request, driven by the task that awaits the response. Dropped within an
/// exchange, it closes the connection, or resets the stream.
#[derive(Debug)]
pub(super) enum UpstreamSession {
    /// A connection that belongs to the seat.
    Http1(Box<Http1Connection>),
    /// A stream on a shared connection.
    Http2(Box<Http2Stream>),
}

/// A piece of an answer that was thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Discarded {
    Bytes(usize),
    /// The answer has ended, or the connection.
    End,
    /// The rest cannot be read.
    Unreadable,
}

impl UpstreamSession {
    /// Sends a request, and waits for the head of its response. Dropping the future leaves the
    /// request in flight.
    pub(super) async fn send(
        &mut self,
        request: Request<RequestBody>,
        first_byte_timeout: Option<Duration>,
    ) -> Result<response::Parts, SendError> {
        let head = match self {
            UpstreamSession::Http1(connection) => {
                connection.send(request, first_byte_timeout).await?
            }
            UpstreamSession::Http2(stream) => stream.send(request, first_byte_timeout).await?,
        };
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            match self {
                UpstreamSession::Http1(connection) => connection.give_up_answer(),
                UpstreamSession::Http2(stream) => stream.give_up_answer(),
            }
            return Err(SendError::SwitchedProtocols);
        }
        Ok(head)
    }

    /// Waits for the next piece of the response's body; none at its end.
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<FrameResult> {
        match self {
            UpstreamSession::Http1(connection) => connection.poll_frame(cx),
            UpstreamSession::Http2(stream) => stream.poll_frame(cx),
        }
    }

    /// Returns true if no more of the response's body can arrive.
    pub(super) fn is_end_stream(&self) -> bool {
        match self {
            UpstreamSession::Http1(connection) => connection.is_end_stream(),
            UpstreamSession::Http2(stream) => stream.is_end_stream(),
        }
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match self {
            UpstreamSession::Http1(connection) => connection.size_hint(),
            UpstreamSession::Http2(stream) => stream.size_hint(),
        }
    }

    /// Returns the progress of the last request's body.
    pub(super) fn progress(&self) -> Arc<UploadProgress> {
        match self {
            UpstreamSession::Http1(connection) => connection.progress(),
            UpstreamSession::Http2(stream) => stream.progress(),
        }
    }

    pub(super) fn answer_state(&self) -> AnswerState {
        match self {
            UpstreamSession::Http1(connection) => connection.answer_state(),
            UpstreamSession::Http2(stream) => stream.answer_state(),
        }
    }

    /// Sends what is left of the request, reads more of the response, and throws it away.
    pub(super) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<Discarded> {
        if self.answer_state() == AnswerState::Awaited {
            let head = match self {
                UpstreamSession::Http1(connection) => connection.poll_head(cx),
                UpstreamSession::Http2(stream) => stream.poll_head(cx),
            };
            // The state has the reason of an error.
            let _ = ready!(head);
        }
        match self.answer_state() {
            AnswerState::Over => return Poll::Ready(Discarded::End),
            AnswerState::Unreadable => return Poll::Ready(Discarded::Unreadable),
            AnswerState::Awaited | AnswerState::Streaming => {}
        }
        let frame = ready!(self.poll_frame(cx));
        let bytes = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, bytes::Bytes::len),
            Some(Err(_)) | None => 0,
        };
        Poll::Ready(Discarded::Bytes(bytes))
    }

    /// Returns true if it is cut off, also when nothing is known of the upstream, as soon as the
    /// client leaves a response that streams: the sender of a connection notices that.
    pub(super) fn notices_cut_while_streaming(&self) -> bool {
        matches!(self, UpstreamSession::Http1(_))
    }

    /// Records that the request was abandoned before its answer began.
    pub(super) fn record_timeout(&self) {
        if let UpstreamSession::Http2(stream) = self {
            stream.record_timeout();
        }
    }

    /// Cuts the exchange off, and waits for the upstream's confirmation, for a second. Dropping the
    /// future leaves it cut off.
    pub(super) async fn cut(&mut self) -> CutEnd {
        match self {
            UpstreamSession::Http1(connection) => connection.cut().await,
            UpstreamSession::Http2(stream) => stream.cut().await,
        }
    }

    /// Returns true if the confirmation of a cut means that the upstream has stopped, and not only
    /// that it knows: over HTTP/1.1 it has closed its side.
    pub(super) fn cut_confirms_stop(&self) -> bool {
        matches!(self, UpstreamSession::Http1(_))
    }

    /// Ends the exchange at once: resets the connection, or the stream.
    pub(super) fn reset(&mut self) {
        match self {
            UpstreamSession::Http1(connection) => connection.reset(),
            UpstreamSession::Http2(stream) => stream.reset(),
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
