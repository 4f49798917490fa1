//! An answer on its way out.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use crate::body::{Body, BoxError};
use crate::server::connection_state::InFlight;

/// A body that counts as in flight until it is out.
pub(super) struct InFlightBody {
    pub(super) body: Body,
    /// `None` where nobody worked on it, since the request was refused.
    pub(super) in_flight: Option<InFlight>,
}

impl InFlightBody {
    /// The connection ends with this answer, and the client should be told.
    pub(super) fn is_last(&self) -> bool {
        self.in_flight.as_ref().is_none_or(InFlight::is_half_received)
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
