//! Requests that name their own server: one limit for all of them together, and one pool.
//!
//! HTTP/1.1 is spoken, so that one request in work is one connection whoever serves it.

use std::sync::{Arc, OnceLock};

use http::Uri;
use http::uri::Scheme;
use mesero::{Advice, Failure};
use mesero_http::tls::{Tls, TlsSettings, Versions};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connector::Connector;
use super::forwarder::Forwarder;
use super::http2::SharedConnections;
use super::settings::Settings;

/// Makes an upstream of what a request names.
#[derive(Debug)]
pub(super) struct PerRequestUpstream {
    /// Whom the system trusts, read when somebody first asks for it, or why that is nobody.
    tls: OnceLock<Result<Tls, String>>,
    tasks: (TaskTracker, CancellationToken),
}

impl PerRequestUpstream {
    pub(super) fn new(tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self { tls: OnceLock::new(), tasks: (tasks, stop) }
    }

    /// The server of a request, which shares the connections of `shared_limit`.
    ///
    /// # Errors
    /// If the URI names none that can be spoken to.
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
        let is_tls = uri.scheme() == Some(&Scheme::HTTPS);
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = is_tls.then(|| TlsSettings { ca: None, server_name: host.clone() });
        let named = tls.as_ref().map(|tls| self.tls(tls)).transpose();
        let named = named.map_err(|why| bad(&format!("failed to {why}")))?;
        let settings = Arc::new(Settings {
            host,
            port: authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            authority: authority.to_string(),
            tls,
            versions: Versions::Http1,
            ..(*shared_limit.settings).clone()
        });
        let scheme = if is_tls { Scheme::HTTPS } else { Scheme::HTTP };
        let shared = SharedConnections::new(scheme, settings.connections, self.tasks.clone());
        let connector = Arc::new(Connector::new(Arc::clone(&settings), named, shared));
        Ok(Arc::new(Forwarder { settings, connector, pool: Arc::clone(&shared_limit.pool) }))
    }

    fn tls(&self, settings: &TlsSettings) -> Result<Tls, String> {
        let read =
            || Tls::new(settings.clone(), Versions::Http1).map_err(|error| error.to_string());
        let tls = self.tls.get_or_init(read).clone()?;
        tls.named(&settings.server_name).map_err(|error| error.to_string())
    }
}
