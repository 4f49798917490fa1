//! HTTP/2: a stream for each request, on a connection that clients share.

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

/// One client. Dropped, it leaves the connection to those with whom it is shared.
#[derive(Debug)]
pub(crate) struct Http2Client {
    shared: Arc<SharedHttp2Connection>,
}

/// A connection that clients share, made when one of them needs it.
#[derive(Debug)]
pub(crate) struct SharedHttp2Connection {
    target: Arc<Endpoint>,
    state: Mutex<ConnectionState>,
}

/// Where the connection is, or comes to be.
#[derive(Debug, Default)]
enum ConnectionState {
    #[default]
    Empty,
    /// Over when nobody waits for it any more.
    PendingConnection(future::WeakShared<PendingConnection>),
    Open(Arc<Http2Connection>),
}

/// What all wait for who came before there was a connection.
type PendingConnection = Pin<Box<dyn Future<Output = Result<Arc<Http2Connection>, Fault>> + Send>>;

impl Http2Client {
    pub(crate) fn new(shared: Arc<SharedHttp2Connection>) -> Self {
        Self { shared }
    }

    /// Sends the request, and waits for the whole answer, up to an instant. Dropped meanwhile, this
    /// resets the stream and leaves the connection's others alone.
    pub(crate) async fn exchange(&self, until: Instant) -> Result<ResponseSummary, Fault> {
        let target = &self.shared.target;
        if target.new_connection_per_request {
            let connection = Http2Connection::open(target).await?;
            return connection.send(target, until).await.map_err(SendFailure::fault);
        }
        let mut connection = self.shared.connection(None).await?;
        // Even if it takes but one over each connection, it gets round to all who share them.
        let mut attempts_left = target.protocol.streams().get();
        loop {
            match connection.send(target, until).await {
                // The server closes the connection, and has not looked at this request (RFC 9113, 6.8).
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

    /// The connection, but not the one that is spent; if there is none, one that is made now. What
    /// fails to be made fails for all who wait for it.
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
    /// What somebody waits for.
    fn pending(&self) -> Option<future::Shared<PendingConnection>> {
        match self {
            ConnectionState::PendingConnection(pending) => {
                pending.upgrade().filter(|pending| pending.peek().is_none())
            }
            ConnectionState::Empty | ConnectionState::Open(_) => None,
        }
    }
}
