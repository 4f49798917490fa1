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

mod answer;
mod clocks;
mod connect;
mod forward;
mod headers;
mod http1;
mod http2;
mod link;
mod outgoing;
mod pool;
mod roaming;
mod unanswered;

use answer::Answer;
use connect::Connector;
use http2::Connections;
use link::{Incoming, Link};
use mesero_http::tls::{Tls, TlsError, TlsSettings, Versions};
use outgoing::Outgoing;
use pool::{Place, Pool};
use roaming::Roaming;
use unanswered::Unanswered;

/// How often idle connections are looked at: one that the upstream has closed stays open on our
/// side for no longer than this.
const LOOK: Duration = Duration::from_secs(1);

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
pub struct Proxy {
    upstream: Arc<Upstream>,
    /// Where each request names its own server.
    roaming: Option<Roaming>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Upstream {
    settings: Arc<Settings>,
    connector: Arc<Connector>,
    pool: Arc<Pool>,
}

impl Proxy {
    /// Connects to nothing yet: the first request does.
    ///
    /// # Errors
    /// If it is to speak TLS, and trusts nobody.
    pub fn new(settings: Settings) -> Result<Self, TlsError> {
        let tls = settings.tls.clone().map(|tls| Tls::new(tls, settings.versions)).transpose()?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let settings = Arc::new(settings);
        let Settings { connections, idle_timeout, .. } = &*settings;
        let pool = Arc::new(Pool::new(*connections, *idle_timeout));
        let scheme = if tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
        let tasks_of_connections = (tasks.clone(), stop.clone());
        let shared = Connections::new(scheme, *connections, tasks_of_connections);
        let connector = Arc::new(Connector::new(Arc::clone(&settings), tls, shared));
        let roaming = settings.roams.then(|| Roaming::new(tasks.clone(), stop.clone()));
        let upstream = Arc::new(Upstream { settings, connector, pool });
        Ok(Self { upstream, roaming, tasks, stop })
    }
}

impl Resource for Proxy {
    fn seats(&self) -> NonZeroUsize {
        self.upstream.settings.connections
    }

    fn attend(&self, _seats: Seats) {
        // A seat can always serve: where there is no connection, one is made.
        let pool = Arc::clone(&self.upstream.pool);
        self.tasks.spawn(pool.look_after(self.stop.clone()));
        let connector = Arc::clone(&self.upstream.connector);
        self.tasks.spawn(connector.look_after(self.stop.clone()));
    }

    fn wants(&self) -> Wants {
        match self.upstream.settings.request_buffering {
            true => Wants::Whole,
            false => Wants::AsItComes,
        }
    }

    fn attempt(&self, order: Order, attempt: Attempt) -> Serving {
        let upstream = match &self.roaming {
            None => Ok(Arc::clone(&self.upstream)),
            Some(roaming) => roaming.upstream(&self.upstream, &order.request.head.uri),
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

impl Upstream {
    /// Passes a request on, and the answer back. Dropping the future closes the connection.
    async fn serve(self: Arc<Self>, order: Order, attempt: Attempt) -> Result<Reply, Failure> {
        let (link, response) = self.answered(&order, &attempt).await?;
        let (mut head, incoming) = response.into_parts();
        let (pool, settings) = (Arc::clone(&self.pool), Arc::clone(&self.settings));
        let place = Place::new(pool, settings, attempt.slot().clone());
        let stall_timeout = self.settings.stall_timeout;
        let answer = Answer::new(incoming, link, place, stall_timeout).unless_over().await;
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

    /// The head of the answer, over a link that was kept or else over a new one.
    async fn answered(
        &self,
        order: &Order,
        attempt: &Attempt,
    ) -> Result<(Link, Response<Incoming>), Failure> {
        let kept = self.pool.take(attempt.slot().seat(), &self.settings).await;
        let kept = kept.or_else(|| self.connector.stream());
        let is_kept = kept.is_some();
        let link = match kept {
            Some(link) => link,
            None => self.connector.link().await?,
        };
        let request = forward::request(&self.settings, order, attempt)?;
        let handed_back = match self.send(link, request).await {
            Ok(answered) => return Ok(answered),
            // The upstream closed the connection while it was idle, or closes it in good order.
            // Nobody needs to know.
            Err(Unanswered::HandedBack(request)) => Some(request),
            Err(Unanswered::Unprocessed(_)) if order.body.is_replayable() => None,
            Err(Unanswered::Broken(_) | Unanswered::BrokenStream(_))
                if is_kept && is_repeatable(order) =>
            {
                None
            }
            Err(unanswered) => return Err(lost(&unanswered, order)),
        };
        let link = self.connector.link().await?;
        let request = match handed_back {
            Some(request) => *request,
            None => forward::request(&self.settings, order, attempt)?,
        };
        self.send(link, request).await.map_err(|unanswered| lost(&unanswered, order))
    }

    async fn send(
        &self,
        mut link: Link,
        request: Request<Outgoing>,
    ) -> Result<(Link, Response<Incoming>), Unanswered> {
        let response = link.send(request, self.settings.first_byte_timeout).await?;
        match response.status() {
            StatusCode::SWITCHING_PROTOCOLS => Err(Unanswered::Switched),
            _ => Ok((link, response)),
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
fn lost(unanswered: &Unanswered, order: &Order) -> Failure {
    let message = unanswered.to_string();
    let (failure, safe) = match unanswered {
        // Whatever it asks for was not begun.
        Unanswered::HandedBack(_) | Unanswered::Unprocessed(_) => {
            (Failure::unreachable(message), order.body.is_replayable())
        }
        _ => (Failure::lost(message), is_repeatable(order)),
    };
    if safe { failure } else { failure.advise(Advice::Never) }
}
