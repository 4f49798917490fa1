//! One connection, from the first byte to the last: HTTP/1.1, or HTTP/2 where the client begins with it.

mod http2;
mod in_flight_body;

#[cfg(test)]
mod tests;

use std::{
    any::Any,
    convert::Infallible,
    future::ready,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{FutureExt, future::Either};
use http::{HeaderValue, Request, Response, StatusCode, header::CONNECTION};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use tokio::{
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    connection_state::{ConnectionState, InFlight},
    framing::RequestFraming,
    io::Io,
    limits::Limits,
    timers::ConnectionTimers,
};
use crate::{body::Body, problem::Problem};
use in_flight_body::InFlightBody;

/// The client at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    pub address: SocketAddr,
}

/// The handler, limits and protocol settings that all connections of a front share.
pub(crate) struct Connections<H> {
    handler: H,
    limits: Limits,
    stop: CancellationToken,
    http1: http1::Builder,
    http2: http2::Builder,
    cut_off: AtomicUsize,
}

impl<H, F> Connections<H>
where
    H: Fn(Request<Incoming>, Peer) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    /// Spawns the tasks that HTTP/2 connections need beside their own through `tracker`.
    pub(crate) fn new(
        handler: H,
        limits: Limits,
        stop: CancellationToken,
        tracker: &TaskTracker,
    ) -> Self {
        let mut http1 = http1::Builder::new();
        // A client that disconnects drops the handler. The timers for head and idleness are in `Io`.
        http1.half_close(false).header_read_timeout(None);
        Self {
            handler,
            limits,
            stop,
            http1,
            http2: http2::builder(&limits, tracker),
            cut_off: AtomicUsize::new(0),
        }
    }

    /// The number of connections that were closed with a request in flight because draining took too long.
    pub(crate) fn cut_off(&self) -> usize {
        self.cut_off.load(Ordering::Relaxed)
    }

    /// Serves one client until either side closes the connection.
    ///
    /// After a stop, it finishes the request in flight, for as long as the drain timeout allows. Dropping it closes the
    /// socket, drops the handler's future, and releases the connection permit.
    pub(crate) async fn run(
        self: Arc<Self>,
        stream: TcpStream,
        peer: Peer,
        // Dropped last, as parameters are: the socket is closed before another connection takes the permit.
        _permit: OwnedSemaphorePermit,
    ) {
        let state = Arc::new(ConnectionState::default());
        let io = Io::new(
            stream,
            RequestFraming::new(self.limits.head_bytes),
            ConnectionTimers::new(self.limits.head_timeout, self.limits.idle_timeout),
            Arc::clone(&state),
        );
        let service = service_fn({
            let connections = Arc::clone(&self);
            let state = Arc::clone(&state);
            move |request| connections.answer(request, peer, &state)
        });
        let mut connection = self.http1.serve_connection(io, service);
        let outcome = tokio::select! {
            biased;
            outcome = &mut connection => Some(outcome),
            () = self.stop.cancelled() => {
                std::pin::Pin::new(&mut connection).graceful_shutdown();
                self.drain(&mut connection, peer).await
            }
        };
        match outcome {
            Some(Err(error)) if error.is_parse_version_h2() => {
                let mut parts = connection.into_parts();
                parts.io.rewind(parts.read_buf);
                let connection = self.http2.serve_connection(parts.io, parts.service);
                // On the heap, so that the task of an HTTP/1 connection stays small.
                Box::pin(self.run_http2(connection, &state, peer)).await;
            }
            Some(Err(error)) => {
                tracing::debug!(peer = %peer.address, %error, "a connection ended early");
            }
            Some(Ok(())) | None => {}
        }
    }

    async fn run_http2<C>(&self, connection: C, state: &ConnectionState, peer: Peer)
    where
        C: http2::GracefulConnection,
    {
        let mut connection = pin!(connection);
        let mut begun = state.begun();
        let mut idle_at = Instant::now() + self.limits.idle_timeout;
        let mut leaving = false;
        loop {
            tokio::select! {
                biased;
                _ = connection.as_mut() => return,
                () = self.stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    self.drain(connection, peer).await;
                    return;
                }
                () = sleep_until(idle_at) => {
                    if state.is_busy() || state.begun() != begun {
                        begun = state.begun();
                        idle_at = Instant::now() + self.limits.idle_timeout;
                    } else if leaving {
                        return;
                    } else {
                        // The client has the head timeout to answer the GOAWAY.
                        leaving = true;
                        connection.as_mut().graceful_shutdown();
                        idle_at = Instant::now() + self.limits.head_timeout;
                    }
                }
            }
        }
    }

    async fn drain<C: Future>(&self, connection: C, peer: Peer) -> Option<C::Output> {
        let outcome = timeout(self.limits.drain_timeout, connection).await;
        if outcome.is_err() {
            tracing::warn!(peer = %peer.address, "cut off a connection that did not finish while draining");
            self.cut_off.fetch_add(1, Ordering::Relaxed);
        }
        outcome.ok()
    }

    /// Passes a request to the handler, unless it is rejected. A panic of the handler becomes a response and ends only
    /// this request.
    ///
    /// Combinators instead of `async`, for the size: an `async fn` keeps room for its parameters beside the future that
    /// they moved into, and every waiting request has one of these.
    fn answer(
        &self,
        request: Request<Incoming>,
        peer: Peer,
        state: &Arc<ConnectionState>,
    ) -> impl Future<Output = Result<Response<InFlightBody>, Infallible>> + use<H, F> {
        match state.begin() {
            Ok(in_flight) => {
                let work = AssertUnwindSafe((self.handler)(request, peer)).catch_unwind();
                Either::Left(work.map(move |outcome| {
                    let response = outcome.unwrap_or_else(|panic| panicked(&*panic, peer));
                    Ok(into_in_flight(response, Some(in_flight)))
                }))
            }
            Err(rejection) => {
                tracing::debug!(peer = %peer.address, ?rejection, "rejected a request");
                Either::Right(ready(Ok(into_in_flight(rejection.into_response(), None))))
            }
        }
    }
}

fn into_in_flight(response: Response<Body>, in_flight: Option<InFlight>) -> Response<InFlightBody> {
    let mut response = response.map(|body| InFlightBody { body, in_flight });
    if response.body().is_last() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn panicked(panic: &(dyn Any + Send), peer: Peer) -> Response<Body> {
    tracing::error!(peer = %peer.address, "handling a request panicked: {}", panic_message(panic));
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal-error",
        "Internal error",
        "the request's handler failed; see the log",
    )
    .into_response()
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
