//! Requests that name their own server: one limit and one pool for all of them.
//!
//! HTTP/1.1 is used, so that a request in flight is one connection, regardless of the server.

use std::sync::{Arc, OnceLock};

use http::Uri;
use http::uri::Scheme;
use mesero::{Advice, Failure};
use mesero_config::{Http2, HttpSettings, TlsSettings, Upstream};
use mesero_http::tls::{TlsClient, Versions};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connector::Connector;
use super::forwarder::Forwarder;
use super::http2::SharedConnections;

/// Maker of upstreams from the URIs of requests.
#[derive(Debug)]
pub(super) struct PerRequestUpstream {
    /// The system's trusted authorities, read at the first request over TLS, or the error.
    tls: OnceLock<Result<TlsClient, String>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl PerRequestUpstream {
    pub(super) fn new(tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self { tls: OnceLock::new(), tasks, stop }
    }

    /// Returns the server of a request, with the settings and the pool of `shared_limit`.
    ///
    /// # Errors
    /// If the URI names no server that can be reached.
    pub(super) fn upstream(
        &self,
        shared_limit: &Forwarder,
        uri: &Uri,
    ) -> Result<Arc<Forwarder>, Failure> {
        let bad = |why: &str| {
            Failure::unreachable(format!("there is no server at `{uri}`: {why}"))
                .advise(Advice::Never)
        };
        let authority = uri.authority().ok_or_else(|| bad("it has no host"))?;
        let scheme = uri.scheme().filter(|scheme| **scheme == Scheme::HTTPS);
        let scheme = scheme.unwrap_or(&Scheme::HTTP).clone();
        let upstream = Upstream::new(scheme.clone(), authority);
        let tls = upstream
            .is_https()
            .then(|| TlsSettings { ca: None, server_name: upstream.host().to_owned() });
        let named = tls.as_ref().map(|tls| self.tls(&tls.server_name)).transpose();
        let named = named.map_err(|why| bad(&format!("failed to {why}")))?;
        let settings = Arc::new(HttpSettings {
            upstream,
            tls,
            http2: Http2::Off,
            ..(*shared_limit.settings).clone()
        });
        let shared = SharedConnections::new(
            scheme,
            settings.connections,
            self.tasks.clone(),
            self.stop.clone(),
        );
        let connector = Arc::new(Connector::new(Arc::clone(&settings), named, shared));
        let pool = Arc::clone(&shared_limit.pool);
        let abandoned = Arc::clone(&shared_limit.abandoned);
        Ok(Arc::new(Forwarder { settings, connector, pool, abandoned }))
    }

    fn tls(&self, server_name: &str) -> Result<TlsClient, String> {
        let read = || {
            TlsClient::new(None, server_name, Versions::Http1).map_err(|error| error.to_string())
        };
        let tls = self.tls.get_or_init(read).clone()?;
        tls.named(server_name).map_err(|error| error.to_string())
    }
}
