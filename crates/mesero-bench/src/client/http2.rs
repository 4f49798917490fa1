//! HTTP/2: a stream for each request, on connections that clients share.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future;
use tokio::time::Instant;

use crate::client::endpoint::Endpoint;
use crate::client::http2::connection::SendFailure;
use crate::stats::outcome::{Fault, ResponseSummary};

mod connection;
mod fault;
mod stream_permits;

pub(crate) use crate::client::http2::connection::Http2Connection;

/// One client. Dropped, it leaves the shared connection open.
#[derive(Debug)]
pub(crate) struct Http2Client {
    shared: Arc<SharedHttp2Connection>,
}

/// A connection that clients share, opened when one of them needs it.
#[derive(Debug)]
pub(crate) struct SharedHttp2Connection {
    target: Arc<Endpoint>,
    state: Mutex<ConnectionState>,
}

/// State of the shared connection.
#[derive(Debug, Default)]
enum ConnectionState {
    #[default]
    Empty,
    /// Canceled when no client waits for it.
    PendingConnection(future::WeakShared<PendingConnection>),
    Open(Arc<Http2Connection>),
}

/// The connection that several clients wait for.
type PendingConnection = Pin<Box<dyn Future<Output = Result<Arc<Http2Connection>, Fault>> + Send>>;

impl Http2Client {
    pub(crate) fn new(shared: Arc<SharedHttp2Connection>) -> Self {
        Self { shared }
    }

    /// Sends the request, and waits for the whole response, up to an instant. Dropped before, it resets the stream and
    /// leaves the others on the connection alone.
    pub(crate) async fn exchange(&self, until: Instant) -> Result<ResponseSummary, Fault> {
        let target = &self.shared.target;
        if target.new_connection_per_request {
            let connection = Http2Connection::open(target).await?;
            return connection.send(target, until).await.map_err(SendFailure::fault);
        }
        let mut connection = self.shared.connection(None).await?;
        // Even with a server that processes one request a connection, every client that shares it gets a turn.
        let mut attempts_left = target.protocol.streams().get();
        loop {
            match connection.send(target, until).await {
                // The server closes the connection, and has not processed this request (RFC 9113, 6.8).
                Err(SendFailure::Unprocessed(_)) if attempts_left > 0 => {
                    connection = self.shared.connection(Some(&connection)).await?;
                    attempts_left -= 1;
                }
                result => return result.map_err(SendFailure::fault),
            }
        }
    }
}

impl SharedHttp2Connection {
    pub(crate) fn new(target: Arc<Endpoint>) -> Self {
        Self { target, state: Mutex::default() }
    }

    /// The open connection, unless it is closing; otherwise a new one, which all clients wait for. Dropped
    /// by all of them, connecting is canceled.
    async fn connection(
        self: &Arc<Self>,
        closing: Option<&Arc<Http2Connection>>,
    ) -> Result<Arc<Http2Connection>, Fault> {
        let pending = {
            let mut state = self.state();
            if let ConnectionState::Open(open) = &*state
                && closing.is_none_or(|closing| !Arc::ptr_eq(open, closing))
            {
                return Ok(Arc::clone(open));
            }
            match state.pending() {
                Some(pending) => pending,
                None => {
                    let pending = Arc::clone(self).open().boxed().shared();
                    *state = pending
                        .downgrade()
                        .map_or(ConnectionState::Empty, ConnectionState::PendingConnection);
                    pending
                }
            }
        };
        pending.await
    }

    async fn open(self: Arc<Self>) -> Result<Arc<Http2Connection>, Fault> {
        let connection = Arc::new(Http2Connection::open(&self.target).await?);
        *self.state() = ConnectionState::Open(Arc::clone(&connection));
        Ok(connection)
    }

    fn state(&self) -> MutexGuard<'_, ConnectionState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionState {
    /// The connection that is being opened, if a client waits for it.
    fn pending(&self) -> Option<future::Shared<PendingConnection>> {
        match self {
            ConnectionState::PendingConnection(pending) => {
                pending.upgrade().filter(|pending| pending.peek().is_none())
            }
            ConnectionState::Empty | ConnectionState::Open(_) => None,
        }
    }
}
