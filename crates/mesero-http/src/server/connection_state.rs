//! The state of one connection, which its socket side and its handler side share.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Response, StatusCode};

use super::framing::Violation;
use crate::{body::Body, problem::Problem};

/// Shared by a connection's [`Io`](super::io::Io) and its service.
///
/// The socket side replaces a rejected request by a harmless substitute, so that the response is sent in order, after
/// those to earlier requests. Both sides count requests in the order of arrival, and so agree on which request is the
/// substitute; no byte from the client has a part in that.
#[derive(Debug, Default)]
pub(crate) struct ConnectionState {
    begun: AtomicU64,
    in_flight: AtomicUsize,
    receiving: AtomicU64,
    rejected: OnceLock<(u64, Rejection)>,
}

/// The reason for which a request was answered without reaching the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    Broken(Violation),
    HeadTooSlow { after: Duration },
}

/// A request that is being handled, or whose response is still being sent; ended by a drop.
#[derive(Debug)]
pub(crate) struct InFlight {
    state: Arc<ConnectionState>,
    number: u64,
}

impl ConnectionState {
    /// Begins the next request, unless it is the rejected one.
    pub(crate) fn begin(self: &Arc<Self>) -> Result<InFlight, Rejection> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        match self.rejected.get() {
            Some((rejected, rejection)) if *rejected == number => Err(*rejection),
            _ => {
                self.in_flight.fetch_add(1, Ordering::Relaxed);
                Ok(InFlight { state: Arc::clone(self), number })
            }
        }
    }

    /// Rejects request `number`, counted from 1; only the first call has an effect.
    pub(crate) fn reject(&self, number: u64, rejection: Rejection) {
        self.rejected.get_or_init(|| (number, rejection));
    }

    /// Sets the number of the request whose body is incomplete, counted from 1; 0 for none.
    pub(crate) fn set_receiving(&self, number: u64) {
        self.receiving.store(number, Ordering::Relaxed);
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) > 0
    }

    /// The number of requests begun so far.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }
}

impl InFlight {
    /// True while the request's body is incomplete: a response that begins now must be the connection's last.
    pub(crate) fn is_partly_received(&self) -> bool {
        self.state.receiving.load(Ordering::Relaxed) == self.number
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.state.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Rejection {
    pub(crate) fn into_response(self) -> Response<Body> {
        let problem = match self {
            Self::Broken(violation) => Problem::new(
                violation.status(),
                "bad-framing",
                "The request is malformed",
                violation.to_string(),
            ),
            Self::HeadTooSlow { after } => Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "head-too-slow",
                "The request head is too slow",
                format!("the head was incomplete {after:?} after its first byte"),
            ),
        };
        problem.into_response()
    }
}
