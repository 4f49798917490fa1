//! An exchange with the upstream, which holds a slot until the upstream has stopped.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, response};
use hyper::body::SizeHint;

use super::abandoned::{AbandonedRequests, Reason};
use super::pool::PooledSeat;
use super::progress::{AnswerState, FrameResult};
use super::request_body::RequestBody;
use super::send_error::SendError;
use super::session::UpstreamSession;
use super::timeouts::UploadProgress;

/// A session and the seat whose slot it holds.
///
/// Dropped while the upstream may work on a request, it is seen off by a task of its own, which
/// holds the slot; see [`AbandonedRequests`]. Dropped in any other state it closes the connection,
/// and then frees the slot.
#[derive(Debug)]
pub(super) struct Exchange {
    /// None once it is released.
    open: Option<(UpstreamSession, PooledSeat)>,
    abandoned: Arc<AbandonedRequests>,
}

impl Exchange {
    pub(super) fn new(
        session: UpstreamSession,
        seat: PooledSeat,
        abandoned: Arc<AbandonedRequests>,
    ) -> Self {
        Self { open: Some((session, seat)), abandoned }
    }

    /// Sends a request, and waits for the head of its response. Dropping the future leaves the
    /// request in flight.
    pub(super) async fn send(
        &mut self,
        request: Request<RequestBody>,
        first_byte_timeout: Option<Duration>,
    ) -> Result<response::Parts, SendError> {
        match &mut self.open {
            Some((session, _)) => session.send(request, first_byte_timeout).await,
            None => Err(SendError::NotSent(Box::new(request))),
        }
    }

    /// Waits for the next piece of the response's body; none at its end.
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<FrameResult> {
        match &mut self.open {
            Some((session, _)) => session.poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    /// Returns true if no more of the response's body can arrive.
    pub(super) fn is_end_stream(&self) -> bool {
        self.open.as_ref().is_none_or(|(session, _)| session.is_end_stream())
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match &self.open {
            Some((session, _)) => session.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }

    /// Returns the progress of the last request's body.
    pub(super) fn progress(&self) -> Arc<UploadProgress> {
        self.open.as_ref().map_or_else(Arc::default, |(session, _)| session.progress())
    }

    /// Name of the upstream in the log.
    pub(super) fn upstream(&self) -> &str {
        self.open.as_ref().map_or("", |(_, seat)| seat.upstream())
    }

    /// Returns the connection to its seat, and then frees the slot, since the response has ended.
    pub(super) fn release(&mut self, cx: &mut Context<'_>) {
        if let Some((mut session, seat)) = self.open.take() {
            // Only this update notices the end of the exchange. If the upstream answered before the
            // end of the request, the connection cannot be used again.
            session.refresh(cx);
            seat.keep(session);
        }
    }

    /// Leaves the rest of the response, which its callers will not get. The upstream has answered,
    /// so most often nothing is left, and the connection is used again.
    pub(super) fn leave_unread(mut self) {
        self.leave(Reason::AnswerUnwanted);
    }

    fn leave(&mut self, reason: Reason) {
        let Some((session, seat)) = self.open.take() else { return };
        match session.answer_state() {
            AnswerState::Over => drop((session, seat)),
            _ => self.abandoned.see_off(session, seat, reason),
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.leave(Reason::CallersLeft);
    }
}
