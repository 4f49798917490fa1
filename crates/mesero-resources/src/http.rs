//! HTTP upstreams: a reverse proxy whose connections are its seats.
//!
//! Over HTTP/1.1 a seat has at most one connection to the upstream, and there is no other pool: the
//! limit of slots is the limit of connections. A seat's connection serves one request at a time, is
//! driven by the task that awaits the response, and is returned to its seat before the slot is
//! freed. Over HTTP/2 a seat is a stream, and connections are shared. A request that its callers
//! have left keeps both until the upstream has stopped.

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;

use mesero::{Attempt, Seats};
use mesero_config::{Http2, HttpSettings};
use mesero_http::tls::{TlsClient, TlsError, Versions};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{BodyMode, Health, Request, Resource, Serving};

mod abandoned;
mod connector;
mod cut;
mod exchange;
mod forwarder;
mod headers;
mod http1;
mod http2;
mod per_request;
mod pool;
mod progress;
mod request_body;
mod response_body;
mod send_error;
mod session;
mod timeouts;
mod upload_socket;
mod upstream_request;

use abandoned::AbandonedRequests;
use connector::Connector;
use forwarder::Forwarder;
use http2::SharedConnections;
use per_request::PerRequestUpstream;
use pool::ConnectionPool;

/// One HTTP server as the upstream, or every server that requests name.
#[derive(Debug)]
pub struct HttpUpstream {
    upstream: Arc<Forwarder>,
    /// Set if each request names its own server.
    per_request: Option<PerRequestUpstream>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl HttpUpstream {
    /// Prepares the upstream. It connects at the first request.
    ///
    /// # Errors
    /// If TLS is used and no trusted certificate authority is found.
    pub fn new(settings: HttpSettings) -> Result<Self, TlsError> {
        let versions = versions(settings.http2);
        let tls = settings.tls.as_ref();
        let tls = tls.map(|tls| TlsClient::new(tls.ca.as_deref(), &tls.server_name, versions));
        let tls = tls.transpose()?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let settings = Arc::new(settings);
        let HttpSettings { connections, idle_timeout, .. } = &*settings;
        let pool = Arc::new(ConnectionPool::new(*connections, *idle_timeout));
        let scheme = settings.upstream.scheme().clone();
        let shared = SharedConnections::new(scheme, *connections, tasks.clone(), stop.clone());
        let connector = Arc::new(Connector::new(Arc::clone(&settings), tls, shared));
        let per_request =
            settings.is_per_request.then(|| PerRequestUpstream::new(tasks.clone(), stop.clone()));
        let abandoned = Arc::new(AbandonedRequests::new(tasks.clone(), stop.clone()));
        let upstream = Arc::new(Forwarder { settings, connector, pool, abandoned });
        Ok(Self { upstream, per_request, tasks, stop })
    }
}

impl Resource for HttpUpstream {
    fn seats(&self) -> NonZeroUsize {
        self.upstream.settings.connections
    }

    fn supervise(&self, _seats: Seats) {
        // A seat can always serve: a missing connection is made.
        let pool = Arc::clone(&self.upstream.pool);
        self.tasks.spawn(pool.close_idle_periodically(self.stop.clone()));
        let connector = Arc::clone(&self.upstream.connector);
        self.tasks.spawn(connector.close_idle_periodically(self.stop.clone()));
    }

    fn body_mode(&self) -> BodyMode {
        if self.upstream.settings.request_buffering { BodyMode::Whole } else { BodyMode::Streamed }
    }

    fn attempt(&self, request: Request, attempt: Attempt) -> Serving {
        let upstream = match &self.per_request {
            None => Ok(Arc::clone(&self.upstream)),
            Some(per_request) => per_request.upstream(&self.upstream, &request.context.head.uri),
        };
        match upstream {
            Ok(upstream) => Box::pin(upstream.serve(request, attempt)),
            Err(failure) => Box::pin(std::future::ready(Err(failure))),
        }
    }

    fn describe(&self) -> String {
        let HttpSettings { upstream, connections, is_per_request, .. } = &*self.upstream.settings;
        if *is_per_request {
            return format!("any HTTP server; {connections} connections");
        }
        format!("{upstream}; {connections} connections")
    }

    fn health(&self) -> Health {
        Health { up: 1, wanted: 1, restarts: 0 }
    }

    fn stop(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.stop.cancel();
        self.tasks.close();
        Box::pin(self.tasks.wait())
    }
}

/// Returns the versions of HTTP that are offered in a TLS handshake.
fn versions(http2: Http2) -> Versions {
    match http2 {
        Http2::Off => Versions::Http1,
        Http2::PriorKnowledge => Versions::Http2,
        Http2::Auto => Versions::Negotiated,
    }
}
