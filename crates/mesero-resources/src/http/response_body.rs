//! The body of an upstream's answer, with the connection it comes from and the slot it holds.

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

/// A body that drives the connection it comes from.
///
/// When the body has ended, the connection goes back to its seat if it can be used again, and then
/// the slot. Dropped before that, it closes the connection first, which the upstream sees. When the
/// upstream breaks it off, or sends nothing for too long, it ends with an error, so that nobody
/// takes what came for the whole.
pub(super) struct ResponseBody {
    incoming: SessionBody,
    /// None once the body has ended.
    open: Option<OpenExchange>,
}

struct OpenExchange {
    // Dropped in this order: the slot comes back when nothing occupies the upstream any more.
    session: UpstreamSession,
    pooled_seat: PooledSeat,
    /// None where it may take as long as it wants.
    stall: Option<StallTimeout>,
}

impl ResponseBody {
    /// An answer that breaks off when nothing of it comes for `stall_timeout`.
    pub(super) fn new(
        incoming: SessionBody,
        session: UpstreamSession,
        pooled_seat: PooledSeat,
        stall_timeout: Option<Duration>,
    ) -> Self {
        let stall = stall_timeout.map(|after| StallTimeout::new(session.progress(), after));
        Self { incoming, open: Some(OpenExchange { session, pooled_seat, stall }) }
    }

    /// Nothing if the answer has no body, in which case the connection is free already.
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

    /// The body has ended: gives back the connection, and then the slot.
    fn release(&mut self, cx: &mut Context<'_>) {
        if let Some(OpenExchange { mut session, pooled_seat, .. }) = self.open.take() {
            // It notices only now that the exchange is over. A request that is not out yet, since
            // the upstream did not wait for its end, leaves a connection that nobody can use.
            session.refresh(cx);
            pooled_seat.keep(session);
        }
    }

    /// Closes the connection, and then gives back the slot.
    fn abort(&mut self, error: BoxError) -> BoxError {
        // What belongs to it goes before the slot does.
        self.incoming = SessionBody::Aborted;
        if let Some(open) = self.open.take() {
            let upstream = open.pooled_seat.upstream();
            tracing::warn!(upstream, "an answer broke off: {error}");
        }
        error
    }
}

/// The upstream stopped in the middle of its answer.
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
        let answer = &mut *self;
        let mut frame = Pin::new(&mut answer.incoming).poll_frame(cx);
        if frame.is_pending()
            && let Some(open) = &mut answer.open
        {
            open.session.poll(cx);
            frame = Pin::new(&mut answer.incoming).poll_frame(cx);
        }
        match frame {
            Poll::Pending => {
                let stall = answer.open.as_mut().and_then(|open| open.stall.as_mut());
                let after = ready!(stall.map_or(Poll::Pending, |stall| stall.poll(cx)));
                Poll::Ready(Some(Err(answer.abort(Stalled { after }.into()))))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(answer.abort(error)))),
            Poll::Ready(frame) => {
                if let Some(stall) = answer.open.as_mut().and_then(|open| open.stall.as_mut()) {
                    stall.reset_wait();
                }
                // After its last piece a body of known length may never be polled again.
                if frame.is_none() || answer.incoming.is_end_stream() {
                    answer.release(cx);
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
