//! HTTP clients, each of which sends one request at a time.

pub(crate) mod endpoint;
pub(crate) mod error;
pub(crate) mod request;
pub(crate) mod response;

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use crate::client::endpoint::Endpoint;
use crate::client::request::EncodedRequest;
use crate::stats::outcome::RequestOutcome;

mod http1;
mod http2;

pub(crate) use crate::client::http2::Http2Connection;

/// One client. Dropped, it closes its connection, unless others share it.
#[derive(Debug)]
pub(crate) enum HttpClient {
    Http1(http1::Http1Client),
    Http2(http2::Http2Client),
}

/// Creates the clients of an endpoint; over HTTP/2 several share a connection.
#[derive(Debug)]
pub(crate) struct HttpClients {
    target: Arc<Endpoint>,
    /// The newest connection, and how many more clients may share it.
    last: Option<(Arc<http2::SharedHttp2Connection>, usize)>,
}

impl HttpClient {
    /// Sends the request and waits for the whole response, up to an instant; then it closes the connection, or over
    /// HTTP/2 the stream.
    ///
    /// Dropped, it closes the connection or the stream too.
    pub(crate) async fn send(&mut self, until: Instant) -> RequestOutcome {
        let asked = match self {
            HttpClient::Http1(client) => timeout_at(until, client.exchange()).await,
            HttpClient::Http2(client) => timeout_at(until, client.exchange(until)).await,
        };
        match asked {
            Ok(Ok(answer)) => RequestOutcome::Answered(answer),
            Ok(Err(fault)) => RequestOutcome::Failed(fault),
            Err(_) => RequestOutcome::ClientTimeout,
        }
    }
}

impl HttpClients {
    pub(crate) fn new(target: Arc<Endpoint>) -> Self {
        Self { target, last: None }
    }

    pub(crate) fn next(&mut self) -> HttpClient {
        if let EncodedRequest::Http1(request) = &self.target.message {
            return HttpClient::Http1(http1::Http1Client::new(
                Arc::clone(&self.target),
                request.clone(),
            ));
        }
        let (shared, left) = match self.last.take() {
            Some((shared, left @ 1..)) => (shared, left),
            _ => {
                let shared = http2::SharedHttp2Connection::new(Arc::clone(&self.target));
                (Arc::new(shared), self.target.protocol.streams().get())
            }
        };
        self.last = Some((Arc::clone(&shared), left - 1));
        HttpClient::Http2(http2::Http2Client::new(shared))
    }
}
