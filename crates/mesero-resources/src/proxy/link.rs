//! What carries one request to the upstream and its answer back, whatever version of HTTP it is.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Frame, SizeHint};
use mesero_http::body::BoxError;

use super::clocks::Progress;
use super::http1;
use super::http2::{self, Stream};
use super::outgoing::Outgoing;
use super::unanswered::Unanswered;

/// A way for one request; it is driven by whoever waits for something on it.
#[derive(Debug)]
pub(super) enum Link {
    /// A connection of the seat's own.
    Own(Box<http1::Connection>),
    /// A stream on a connection that carries others too.
    Shared(Stream),
}

/// The body of an answer as the link brings it.
#[derive(Debug)]
pub(super) enum Incoming {
    Own(hyper::body::Incoming),
    Shared(http2::Incoming),
    /// It was broken off.
    Over,
}

impl Link {
    /// Sends a request, and waits for the head of its answer. Dropping the future leaves a link
    /// that cannot be used again.
    pub(super) async fn send(
        &mut self,
        request: Request<Outgoing>,
        first_byte_timeout: Option<Duration>,
    ) -> Result<Response<Incoming>, Unanswered> {
        match self {
            Link::Own(connection) => {
                let response = connection.send(request, first_byte_timeout).await?;
                Ok(response.map(Incoming::Own))
            }
            Link::Shared(stream) => {
                let response = stream.send(request, first_byte_timeout).await?;
                Ok(response.map(Incoming::Shared))
            }
        }
    }

    /// How far the request is that was sent last.
    pub(super) fn progress(&self) -> Arc<Progress> {
        match self {
            Link::Own(connection) => connection.progress(),
            Link::Shared(stream) => stream.progress(),
        }
    }

    /// Lets it do what it can: write the rest of a request, read more of an answer.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        match self {
            Link::Own(connection) => connection.poll(cx),
            Link::Shared(stream) => stream.poll(cx),
        }
    }

    /// Sees where it stands, whatever else the task has done in its turn.
    pub(super) fn look(&mut self, cx: &mut Context<'_>) {
        match self {
            Link::Own(connection) => connection.look(cx),
            // Its connection has a task of its own.
            Link::Shared(_) => {}
        }
    }

    /// Whether it can wait in its seat for the next request, as far as the last look saw. A stream
    /// carries one.
    pub(super) fn is_idle(&self) -> bool {
        match self {
            Link::Own(connection) => connection.is_idle(),
            Link::Shared(_) => false,
        }
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Incoming::Own(body) => {
                Pin::new(body).poll_frame(cx).map(|frame| frame.map(|frame| Ok(frame?)))
            }
            Incoming::Shared(body) => {
                Pin::new(body).poll_frame(cx).map(|frame| frame.map(|frame| Ok(frame?)))
            }
            Incoming::Over => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Incoming::Own(body) => body.is_end_stream(),
            Incoming::Shared(body) => body.is_end_stream(),
            Incoming::Over => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Incoming::Own(body) => body.size_hint(),
            Incoming::Shared(body) => body.size_hint(),
            Incoming::Over => SizeHint::default(),
        }
    }
}
