//! The body of a response that is being sent.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use crate::body::{Body, BoxError};
use crate::server::connection_state::InFlight;

/// A body whose request counts as in flight until the body is sent or dropped.
pub(super) struct InFlightBody {
    pub(super) body: Body,
    /// `None` for a rejected request, which reached no handler.
    pub(super) in_flight: Option<InFlight>,
}

impl InFlightBody {
    /// True if the connection ends with this response, which the client learns from a `Connection: close`.
    pub(super) fn is_last(&self) -> bool {
        self.in_flight.as_ref().is_none_or(InFlight::is_partly_received)
    }
}

impl hyper::body::Body for InFlightBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
