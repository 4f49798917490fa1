//! What the socket side and the handler side of one connection tell each other.

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
/// The socket side stands for a request it refuses by a harmless one of its own, so that the answer goes out in its
/// turn, after those to the requests before it. Both sides count requests in the order of the wire, and so agree on
/// which one that is; nothing that a client can write comes into it.
#[derive(Debug, Default)]
pub(crate) struct ConnectionState {
    begun: AtomicU64,
    in_flight: AtomicUsize,
    receiving: AtomicU64,
    refused: OnceLock<(u64, Rejection)>,
}

/// Why a request was answered without having been handed to anyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    Broken(Violation),
    HeadTooSlow { after: Duration },
}

/// A request that is being worked on or whose answer is still coming out of the handler; over when dropped.
#[derive(Debug)]
pub(crate) struct InFlight {
    state: Arc<ConnectionState>,
    number: u64,
}

impl ConnectionState {
    /// Takes up the next request, unless it is the one refused.
    pub(crate) fn begin(self: &Arc<Self>) -> Result<InFlight, Rejection> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        match self.refused.get() {
            Some((refused, rejection)) if *refused == number => Err(*rejection),
            _ => {
                self.in_flight.fetch_add(1, Ordering::Relaxed);
                Ok(InFlight { state: Arc::clone(self), number })
            }
        }
    }

    /// Has request `number`, counted from 1, answered with `rejection`; only the first call counts.
    pub(crate) fn refuse(&self, number: u64, rejection: Rejection) {
        self.refused.get_or_init(|| (number, rejection));
    }

    /// Tells which request's body is not whole yet, counted from 1; 0 for none.
    pub(crate) fn set_receiving(&self, number: u64) {
        self.receiving.store(number, Ordering::Relaxed);
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) > 0
    }

    /// How many requests have been taken up so far.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }
}

impl InFlight {
    /// The request's body has not arrived whole, so that an answer given now must be the connection's last.
    pub(crate) fn is_half_received(&self) -> bool {
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
                "The request head came too slowly",
                format!("the head had not come whole {after:?} after its first byte"),
            ),
        };
        problem.into_response()
    }
}
