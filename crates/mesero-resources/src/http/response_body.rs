//! Response bodies, with the exchange that they come from.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use mesero_http::body::BoxError;

use super::exchange::Exchange;
use super::timeouts::StallTimeout;

/// A response body, which drives its exchange.
///
/// When the body has ended, a reusable connection is returned to its seat, and then the slot is
/// freed. Dropped before that, it cuts the exchange off, and the slot is free when the upstream has
/// stopped. If the upstream breaks it off, or sends nothing for too long, it ends with an error, so
/// that a partial body is never taken for the whole.
pub(super) struct ResponseBody {
    /// None once the body has ended.
    exchange: Option<Exchange>,
    /// None if pieces may take any time.
    stall: Option<StallTimeout>,
}

impl ResponseBody {
    /// Returns a body that breaks off if no piece arrives for `stall_timeout`.
    pub(super) fn new(exchange: Exchange, stall_timeout: Option<Duration>) -> Self {
        let stall = stall_timeout.map(|after| StallTimeout::new(exchange.progress(), after));
        Self { exchange: Some(exchange), stall }
    }

    /// Returns the body unless it is empty; then the connection is free already.
    pub(super) async fn unless_empty(mut self) -> Option<Self> {
        if !self.is_end_stream() {
            return Some(self);
        }
        std::future::poll_fn(|cx| {
            self.release(cx);
            Poll::Ready(())
        })
        .await;
        None
    }

    /// Leaves the rest of the body, which is not passed on.
    pub(super) fn leave_unread(mut self) {
        if let Some(exchange) = self.exchange.take() {
            exchange.leave_unread();
        }
    }

    fn release(&mut self, cx: &mut Context<'_>) {
        if let Some(mut exchange) = self.exchange.take() {
            exchange.release(cx);
        }
    }

    fn abort(&mut self, error: BoxError) -> BoxError {
        if let Some(exchange) = self.exchange.take() {
            tracing::warn!(upstream = exchange.upstream(), "a response broke off: {error}");
        }
        error
    }
}

/// The upstream sent no piece in time.
#[derive(Debug)]
struct Stalled {
    after: Duration,
}

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the upstream sent nothing for {:?}", self.after)
    }
}

impl Error for Stalled {}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let body = &mut *self;
        let Some(exchange) = &mut body.exchange else { return Poll::Ready(None) };
        match exchange.poll_frame(cx) {
            Poll::Pending => {
                let stall = body.stall.as_mut();
                let after = ready!(stall.map_or(Poll::Pending, |stall| stall.poll(cx)));
                Poll::Ready(Some(Err(body.abort(Stalled { after }.into()))))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(body.abort(error)))),
            Poll::Ready(frame) => {
                if let Some(stall) = &mut body.stall {
                    stall.reset_wait();
                }
                // After its last piece, a body of known length may not be polled again.
                if body.is_end_stream() {
                    body.release(cx);
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.exchange.as_ref().is_none_or(Exchange::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.exchange {
            Some(exchange) => exchange.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}
