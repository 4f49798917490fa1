//! Sessions with an upstream, over existing or new connections.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mesero::Failure;
use mesero_config::{Http2, HttpSettings};
use mesero_http::socket::{MaybeTlsStream, detect_dead_peer};
use mesero_http::tls::TlsClient;
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::http1;
use super::http2::SharedConnections;
use super::session::UpstreamSession;
use super::timeouts::IDLE_CHECK_INTERVAL;

/// Maker of sessions with an upstream.
#[derive(Debug)]
pub(super) struct Connector {
    settings: Arc<HttpSettings>,
    tls: Option<TlsClient>,
    shared: SharedConnections,
    /// Held by the one task that connects while its connection may have streams for the waiting
    /// ones.
    connecting: Semaphore,
    /// True if the last connection spoke HTTP/1.1.
    speaks_http1: AtomicBool,
}

impl Connector {
    pub(super) fn new(
        settings: Arc<HttpSettings>,
        tls: Option<TlsClient>,
        shared: SharedConnections,
    ) -> Self {
        let speaks_http1 = match settings.http2 {
            Http2::Off => true,
            Http2::PriorKnowledge => false,
            // Without TLS, no protocol is negotiated.
            Http2::Auto => tls.is_none(),
        };
        let (connecting, speaks_http1) = (Semaphore::new(1), AtomicBool::new(speaks_http1));
        Self { settings, tls, shared, connecting, speaks_http1 }
    }

    /// Returns a stream on an existing connection, if one is available.
    pub(super) fn stream(&self) -> Option<UpstreamSession> {
        self.shared.stream().map(|stream| UpstreamSession::Http2(Box::new(stream)))
    }

    /// Returns a stream on an existing connection, or a session over a new one, within the connect
    /// timeout. Dropping the future closes a connection that is being made.
    ///
    /// # Errors
    /// If the upstream cannot be reached, or its certificate is wrong. No request has been sent
    /// then.
    pub(super) async fn session(&self) -> Result<UpstreamSession, Failure> {
        let until = Instant::now() + self.settings.connect_timeout;
        if self.speaks_http1.load(Ordering::Relaxed) {
            return self.connect(until).await;
        }
        let connecting =
            timeout_at(until, self.connecting.acquire()).await.map_err(|_| self.timed_out())?;
        if let Some(stream) = self.stream() {
            return Ok(stream);
        }
        // The task before this one has found out the protocol.
        let _connecting = (!self.speaks_http1.load(Ordering::Relaxed)).then_some(connecting);
        self.connect(until).await
    }

    /// Closes shared connections that were idle for the idle timeout; when stopped, closes all of
    /// them once their streams have ended. Dropping the future ends the checks.
    pub(super) async fn close_idle_periodically(self: Arc<Self>, stop: CancellationToken) {
        let idle_timeout = self.settings.idle_timeout;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return self.shared.close(),
                () = sleep(IDLE_CHECK_INTERVAL.min(idle_timeout)) => self.shared.close_idle(idle_timeout),
            }
        }
    }

    async fn connect(&self, until: Instant) -> Result<UpstreamSession, Failure> {
        let stream = self.reach(until).await?;
        let (socket, is_http2) = match &self.tls {
            None => (MaybeTlsStream::Clear(stream), self.settings.http2 == Http2::PriorKnowledge),
            Some(tls) => match timeout_at(until, tls.over(stream)).await {
                Ok(Ok(stream)) => {
                    let protocol = stream.get_ref().1.alpn_protocol();
                    let is_http2 = protocol == Some(b"h2");
                    (MaybeTlsStream::Tls(Box::new(stream)), is_http2)
                }
                Ok(Err(refused)) => {
                    return Err(refused.into_failure(self.settings.upstream.authority()));
                }
                Err(_) => return Err(self.timed_out()),
            },
        };
        if !is_http2 {
            if self.settings.http2 == Http2::PriorKnowledge {
                return Err(self.unreachable(&"it does not offer HTTP/2"));
            }
            self.speaks_http1.store(true, Ordering::Relaxed);
            let connection = http1::Http1Connection::over(socket).await;
            let connection = connection.map_err(|error| self.unreachable(&error))?;
            return Ok(UpstreamSession::Http1(Box::new(connection)));
        }
        self.speaks_http1.store(false, Ordering::Relaxed);
        match timeout_at(until, self.shared.begin(socket)).await {
            Ok(Ok(stream)) => Ok(UpstreamSession::Http2(Box::new(stream))),
            Ok(Err(error)) => {
                Err(self.unreachable(&format_args!("it does not speak HTTP/2: {error}")))
            }
            Err(_) => Err(self.timed_out()),
        }
    }

    /// Connects to each of the upstream's addresses in order, until one accepts.
    async fn reach(&self, until: Instant) -> Result<TcpStream, Failure> {
        let upstream = &self.settings.upstream;
        let found = timeout_at(until, lookup_host((upstream.host(), upstream.port()))).await;
        let found = found.map_err(|_| self.timed_out())?;
        let addresses: Vec<_> = found.map_err(|error| self.unreachable(&error))?.collect();
        let mut failure = self.unreachable(&"the name has no address");
        for (index, address) in addresses.iter().enumerate() {
            let time_share = time_share(until, addresses.len() - index);
            match timeout(time_share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    stream.set_nodelay(true).map_err(|error| self.unreachable(&error))?;
                    detect_dead_peer(&stream).map_err(|error| self.unreachable(&error))?;
                    return Ok(stream);
                }
                Ok(Err(error)) => failure = self.unreachable(&error),
                Err(_) => failure = self.timed_out(),
            }
        }
        Err(failure)
    }

    fn unreachable(&self, why: &dyn Display) -> Failure {
        Failure::unreachable(format!("connect to {}: {why}", self.settings.upstream.authority()))
    }

    fn timed_out(&self) -> Failure {
        let after = self.settings.connect_timeout;
        self.unreachable(&format_args!("nothing came within {after:?}"))
    }
}

/// Returns an address's share of the time: an address that drops packets must leave time for the
/// others.
fn time_share(until: Instant, addresses_left: usize) -> Duration {
    let left = until.saturating_duration_since(Instant::now());
    left / u32::try_from(addresses_left).unwrap_or(u32::MAX)
}
