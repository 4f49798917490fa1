//! Response bodies, with the connection and the slot that they hold.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use mesero_http::body::BoxError;

use super::pool::PooledSeat;
use super::session::{SessionBody, UpstreamSession};
use super::timeouts::StallTimeout;

/// A response body, which drives its connection.
///
/// When the body has ended, a reusable connection is returned to its seat, and then the slot is
/// freed. Dropped before that, it closes the connection first, which the upstream notices. If the
/// upstream breaks it off, or sends nothing for too long, it ends with an error, so that a partial
/// body is never taken for the whole.
pub(super) struct ResponseBody {
    incoming: SessionBody,
    /// None once the body has ended.
    open: Option<OpenExchange>,
}

struct OpenExchange {
    // Dropped in this order: the slot is freed when nothing occupies the upstream.
    session: UpstreamSession,
    pooled_seat: PooledSeat,
    /// None if pieces may take any time.
    stall: Option<StallTimeout>,
}

impl ResponseBody {
    /// Returns a body that breaks off if no piece arrives for `stall_timeout`.
    pub(super) fn new(
        incoming: SessionBody,
        session: UpstreamSession,
        pooled_seat: PooledSeat,
        stall_timeout: Option<Duration>,
    ) -> Self {
        let stall = stall_timeout.map(|after| StallTimeout::new(session.progress(), after));
        Self { incoming, open: Some(OpenExchange { session, pooled_seat, stall }) }
    }

    /// Returns the body unless it is empty; then the connection is free already.
    pub(super) async fn unless_empty(mut self) -> Option<Self> {
        if !self.incoming.is_end_stream() {
            return Some(self);
        }
        std::future::poll_fn(|cx| {
            self.release(cx);
            Poll::Ready(())
        })
        .await;
        None
    }

    /// Returns the connection, and then frees the slot, since the body has ended.
    fn release(&mut self, cx: &mut Context<'_>) {
        if let Some(OpenExchange { mut session, pooled_seat, .. }) = self.open.take() {
            // Only this update notices the end of the exchange. If the upstream answered before the
            // end of the request, the connection cannot be used again.
            session.refresh(cx);
            pooled_seat.keep(session);
        }
    }

    /// Closes the connection, and then frees the slot.
    fn abort(&mut self, error: BoxError) -> BoxError {
        // The stream is closed before the slot is freed.
        self.incoming = SessionBody::Aborted;
        if let Some(open) = self.open.take() {
            let upstream = open.pooled_seat.upstream();
            tracing::warn!(upstream, "a response broke off: {error}");
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
        let mut frame = Pin::new(&mut body.incoming).poll_frame(cx);
        if frame.is_pending()
            && let Some(open) = &mut body.open
        {
            open.session.poll(cx);
            frame = Pin::new(&mut body.incoming).poll_frame(cx);
        }
        match frame {
            Poll::Pending => {
                let stall = body.open.as_mut().and_then(|open| open.stall.as_mut());
                let after = ready!(stall.map_or(Poll::Pending, |stall| stall.poll(cx)));
                Poll::Ready(Some(Err(body.abort(Stalled { after }.into()))))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(body.abort(error)))),
            Poll::Ready(frame) => {
                if let Some(stall) = body.open.as_mut().and_then(|open| open.stall.as_mut()) {
                    stall.reset_wait();
                }
                // After its last piece, a body of known length may not be polled again.
                if frame.is_none() || body.incoming.is_end_stream() {
                    body.release(cx);
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
