//! An HTTP server as a resource: a reverse proxy whose connections are its seats.
//!
//! Over HTTP/1.1 a seat is a place for one connection to the upstream, and there is no other pool:
//! the limit of slots is the limit of connections. The connection of a seat serves one request at a
//! time, is driven by whoever waits for that request, and goes back to its seat before the slot
//! does. Over HTTP/2 a seat is a stream, and connections are shared.

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::uri::Scheme;
use http::{Request, Response, StatusCode};
use mesero::{Advice, Attempt, Failure, Seats};
use mesero_http::body::Body;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Health, Order, Reply, Resource, Serving, Wants};

mod connector;
mod headers;
mod http1;
mod http2;
mod per_request;
mod pool;
mod request_body;
mod response_body;
mod send_error;
mod session;
mod timeouts;
mod upstream_request;

use connector::Connector;
use http2::SharedConnections;
use mesero_http::tls::{Tls, TlsError, TlsSettings, Versions};
use per_request::PerRequestUpstream;
use pool::{ConnectionPool, PooledSeat};
use request_body::RequestBody;
use response_body::ResponseBody;
use send_error::SendError;
use session::{SessionBody, UpstreamSession};

/// How often idle connections are looked at: one that the upstream has closed stays open on our
/// side for no longer than this.
const IDLE_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// What has to be known to pass requests on.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A name or an address, without brackets.
    pub host: String,
    pub port: u16,
    /// Host and port as a `Host` field names them.
    pub authority: String,
    /// None in the clear.
    pub tls: Option<TlsSettings>,
    pub versions: Versions,
    /// Put in front of every path; empty, or a path without a slash at its end.
    pub base: String,
    pub connections: NonZeroUsize,
    /// From the name to a connection.
    pub connect_timeout: Duration,
    /// From the end of the request to the head of the answer.
    pub first_byte_timeout: Option<Duration>,
    /// Between two pieces of an answer's body.
    pub stall_timeout: Option<Duration>,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// Whether the upstream is told the host that the client asked for.
    pub preserve_host: bool,
    /// Whether a request is received whole before a slot is asked for.
    pub request_buffering: bool,
    pub behalf: Behalf,
    /// How often a job may try, the first time included.
    pub max_attempts: u32,
    /// Whether each request names its own server, instead of the one that is named here.
    pub roams: bool,
}

/// In whose name requests are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behalf {
    /// In that of a client: its request and the answer are passed on, as RFC 9110 wants it of a proxy, and answers
    /// that say "not now" are tried again.
    Client,
    /// In our own: a request is sent as it is, and every answer is an answer.
    Own,
}

/// An HTTP server that requests are passed on to, or all those that requests name.
#[derive(Debug)]
pub struct HttpUpstream {
    upstream: Arc<Forwarder>,
    /// Where each request names its own server.
    per_request: Option<PerRequestUpstream>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Forwarder {
    settings: Arc<Settings>,
    connector: Arc<Connector>,
    pool: Arc<ConnectionPool>,
}

impl HttpUpstream {
    /// Connects to nothing yet: the first request does.
    ///
    /// # Errors
    /// If it is to speak TLS, and trusts nobody.
    pub fn new(settings: Settings) -> Result<Self, TlsError> {
        let tls = settings.tls.clone().map(|tls| Tls::new(tls, settings.versions)).transpose()?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let settings = Arc::new(settings);
        let Settings { connections, idle_timeout, .. } = &*settings;
        let pool = Arc::new(ConnectionPool::new(*connections, *idle_timeout));
        let scheme = if tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
        let tasks_of_connections = (tasks.clone(), stop.clone());
        let shared = SharedConnections::new(scheme, *connections, tasks_of_connections);
        let connector = Arc::new(Connector::new(Arc::clone(&settings), tls, shared));
        let per_request =
            settings.roams.then(|| PerRequestUpstream::new(tasks.clone(), stop.clone()));
        let upstream = Arc::new(Forwarder { settings, connector, pool });
        Ok(Self { upstream, per_request, tasks, stop })
    }
}

impl Resource for HttpUpstream {
    fn seats(&self) -> NonZeroUsize {
        self.upstream.settings.connections
    }

    fn attend(&self, _seats: Seats) {
        // A seat can always serve: where there is no connection, one is made.
        let pool = Arc::clone(&self.upstream.pool);
        self.tasks.spawn(pool.close_idle_periodically(self.stop.clone()));
        let connector = Arc::clone(&self.upstream.connector);
        self.tasks.spawn(connector.close_idle_periodically(self.stop.clone()));
    }

    fn wants(&self) -> Wants {
        match self.upstream.settings.request_buffering {
            true => Wants::Whole,
            false => Wants::AsItComes,
        }
    }

    fn attempt(&self, order: Order, attempt: Attempt) -> Serving {
        let upstream = match &self.per_request {
            None => Ok(Arc::clone(&self.upstream)),
            Some(per_request) => per_request.upstream(&self.upstream, &order.request.head.uri),
        };
        match upstream {
            Ok(upstream) => Box::pin(upstream.serve(order, attempt)),
            Err(failure) => Box::pin(std::future::ready(Err(failure))),
        }
    }

    fn describe(&self) -> String {
        let Settings { authority, base, connections, tls, roams, .. } = &*self.upstream.settings;
        if *roams {
            return format!("any HTTP server; {connections} connections");
        }
        let scheme = if tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{authority}{base}; {connections} connections")
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

impl Forwarder {
    /// Passes a request on, and the answer back. Dropping the future closes the connection.
    async fn serve(self: Arc<Self>, order: Order, attempt: Attempt) -> Result<Reply, Failure> {
        let (session, response) = self.answered(&order, &attempt).await?;
        let (mut head, incoming) = response.into_parts();
        let (pool, settings) = (Arc::clone(&self.pool), Arc::clone(&self.settings));
        let place = PooledSeat::new(pool, settings, attempt.slot().clone());
        let stall_timeout = self.settings.stall_timeout;
        let answer = ResponseBody::new(incoming, session, place, stall_timeout).unless_over().await;
        if self.settings.behalf == Behalf::Client {
            if let Some(failure) = self.to_be_tried_again(&head, &order, &attempt) {
                // A body that nobody will read is dropped, and its connection with it.
                return Err(failure);
            }
            headers::clean_answer(&mut head);
        }
        let body = match answer {
            Some(answer) => Body::stream(answer),
            None => Body::from(""),
        };
        Ok(Reply::response(head.status, head.headers, body))
    }

    /// The head of the answer, over a session that was kept or else over a new one.
    async fn answered(
        &self,
        order: &Order,
        attempt: &Attempt,
    ) -> Result<(UpstreamSession, Response<SessionBody>), Failure> {
        let kept = self.pool.take(attempt.slot().seat(), &self.settings).await;
        let kept = kept.or_else(|| self.connector.stream());
        let is_kept = kept.is_some();
        let session = match kept {
            Some(session) => session,
            None => self.connector.session().await?,
        };
        let request = upstream_request::build(&self.settings, order, attempt)?;
        let handed_back = match self.send(session, request).await {
            Ok(answered) => return Ok(answered),
            // The upstream closed the connection while it was idle, or closes it in good order.
            // Nobody needs to know.
            Err(SendError::NotSent(request)) => Some(request),
            Err(SendError::Unprocessed(_)) if order.body.is_replayable() => None,
            Err(SendError::ConnectionBroken(_) | SendError::StreamBroken(_))
                if is_kept && is_repeatable(order) =>
            {
                None
            }
            Err(error) => return Err(lost(&error, order)),
        };
        let session = self.connector.session().await?;
        let request = match handed_back {
            Some(request) => *request,
            None => upstream_request::build(&self.settings, order, attempt)?,
        };
        self.send(session, request).await.map_err(|error| lost(&error, order))
    }

    async fn send(
        &self,
        mut session: UpstreamSession,
        request: Request<RequestBody>,
    ) -> Result<(UpstreamSession, Response<SessionBody>), SendError> {
        let response = session.send(request, self.settings.first_byte_timeout).await?;
        match response.status() {
            StatusCode::SWITCHING_PROTOCOLS => Err(SendError::SwitchedProtocols),
            _ => Ok((session, response)),
        }
    }

    /// An answer that says "not now" is a failure where the policy has another try for it.
    fn to_be_tried_again(
        &self,
        head: &http::response::Parts,
        order: &Order,
        attempt: &Attempt,
    ) -> Option<Failure> {
        if attempt.number() >= self.settings.max_attempts || !is_repeatable(order) {
            return None;
        }
        let message = format!("the upstream answered {}", head.status);
        let failure = match head.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Failure::new(mesero::FailureKind::Overloaded, message)
            }
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Failure::lost(message),
            _ => return None,
        };
        Some(match headers::retry_after(&head.headers) {
            Some(after) => failure.advise(Advice::After(after)),
            None => failure,
        })
    }
}

/// Whether the request may be sent once more although the upstream may have acted on it.
fn is_repeatable(order: &Order) -> bool {
    order.request.head.method.is_idempotent() && order.body.is_replayable()
}

/// The failure of an exchange that came to no answer.
fn lost(error: &SendError, order: &Order) -> Failure {
    let message = error.to_string();
    let (failure, safe) = match error {
        // Whatever it asks for was not begun.
        SendError::NotSent(_) | SendError::Unprocessed(_) => {
            (Failure::unreachable(message), order.body.is_replayable())
        }
        _ => (Failure::lost(message), is_repeatable(order)),
    };
    if safe { failure } else { failure.advise(Advice::Never) }
}
