//! A client: it asks, waits for its answer, and asks again.

pub(crate) mod endpoint;
pub(crate) mod error;
pub(crate) mod request;
pub(crate) mod response;

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use crate::client::endpoint::Target;
use crate::client::request::Message;
use crate::stats::outcome::Outcome;

mod http1;
mod http2;

pub(crate) use crate::client::http2::Connection;

/// One client. Dropped, it closes its connection, unless others share it.
#[derive(Debug)]
pub(crate) enum Client {
    Http1(http1::Client),
    Http2(http2::Client),
}

/// Makes the clients of a target, of whom so many share a connection over HTTP/2.
#[derive(Debug)]
pub(crate) struct Clients {
    target: Arc<Target>,
    /// The connection of the last that was made, and how many more may share it.
    last: Option<(Arc<http2::Shared>, usize)>,
}

impl Client {
    /// Sends the request and waits for the whole answer, up to an instant; then the connection is
    /// closed, or over HTTP/2 the stream, as by anyone who gives up.
    pub(crate) async fn ask(&mut self, until: Instant) -> Outcome {
        let asked = match self {
            Client::Http1(client) => timeout_at(until, client.exchange()).await,
            Client::Http2(client) => timeout_at(until, client.exchange(until)).await,
        };
        match asked {
            Ok(Ok(answer)) => Outcome::Answered(answer),
            Ok(Err(fault)) => Outcome::Failed(fault),
            Err(_) => Outcome::GaveUp,
        }
    }
}

impl Clients {
    pub(crate) fn new(target: Arc<Target>) -> Self {
        Self { target, last: None }
    }

    pub(crate) fn next(&mut self) -> Client {
        if let Message::Http1(request) = &self.target.message {
            return Client::Http1(http1::Client::new(Arc::clone(&self.target), request.clone()));
        }
        let (shared, left) = match self.last.take() {
            Some((shared, left @ 1..)) => (shared, left),
            _ => {
                let shared = http2::Shared::new(Arc::clone(&self.target));
                (Arc::new(shared), self.target.protocol.streams().get())
            }
        };
        self.last = Some((Arc::clone(&shared), left - 1));
        Client::Http2(http2::Client::new(shared))
    }
}
