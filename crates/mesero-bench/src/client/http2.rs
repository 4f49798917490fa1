//! HTTP/2: a stream for each request, on a connection that clients share.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future;
use tokio::time::Instant;

use crate::client::endpoint::Target;
use crate::client::http2::connection::Unanswered;
use crate::stats::outcome::{Answer, Fault};

mod connection;
mod fault;
mod stream_permits;

pub(crate) use crate::client::http2::connection::Connection;

/// One client. Dropped, it leaves the connection to those with whom it is shared.
#[derive(Debug)]
pub(crate) struct Client {
    shared: Arc<Shared>,
}

/// A connection that clients share, made when one of them needs it.
#[derive(Debug)]
pub(crate) struct Shared {
    target: Arc<Target>,
    place: Mutex<Place>,
}

/// Where the connection is, or comes to be.
#[derive(Debug, Default)]
enum Place {
    #[default]
    Empty,
    /// Over when nobody waits for it any more.
    Making(future::WeakShared<Making>),
    Open(Arc<Connection>),
}

/// What all wait for who came before there was a connection.
type Making = Pin<Box<dyn Future<Output = Result<Arc<Connection>, Fault>> + Send>>;

impl Client {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Sends the request, and waits for the whole answer, up to an instant. Dropped meanwhile, this
    /// resets the stream and leaves the connection's others alone.
    pub(crate) async fn exchange(&self, until: Instant) -> Result<Answer, Fault> {
        let target = &self.shared.target;
        if target.connects_anew {
            let connection = Connection::open(target).await?;
            return connection.ask(target, until).await.map_err(Unanswered::fault);
        }
        let mut connection = self.shared.connection(None).await?;
        // Even if it takes but one over each connection, it gets round to all who share them.
        let mut turns = target.protocol.streams().get();
        loop {
            match connection.ask(target, until).await {
                // The server closes the connection, and has not looked at this request (RFC 9113, 6.8).
                Err(Unanswered::Unseen(_)) if turns > 0 => {
                    connection = self.shared.connection(Some(&connection)).await?;
                    turns -= 1;
                }
                result => return result.map_err(Unanswered::fault),
            }
        }
    }
}

impl Shared {
    pub(crate) fn new(target: Arc<Target>) -> Self {
        Self { target, place: Mutex::default() }
    }

    /// The connection, but not the one that is spent; if there is none, one that is made now. What
    /// fails to be made fails for all who wait for it.
    async fn connection(
        self: &Arc<Self>,
        spent: Option<&Arc<Connection>>,
    ) -> Result<Arc<Connection>, Fault> {
        let making = {
            let mut place = self.place();
            if let Place::Open(open) = &*place
                && spent.is_none_or(|spent| !Arc::ptr_eq(open, spent))
            {
                return Ok(Arc::clone(open));
            }
            match place.under_way() {
                Some(making) => making,
                None => {
                    let making = Arc::clone(self).make().boxed().shared();
                    *place = making.downgrade().map_or(Place::Empty, Place::Making);
                    making
                }
            }
        };
        making.await
    }

    async fn make(self: Arc<Self>) -> Result<Arc<Connection>, Fault> {
        let connection = Arc::new(Connection::open(&self.target).await?);
        *self.place() = Place::Open(Arc::clone(&connection));
        Ok(connection)
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// What somebody waits for.
    fn under_way(&self) -> Option<future::Shared<Making>> {
        match self {
            Place::Making(making) => making.upgrade().filter(|making| making.peek().is_none()),
            Place::Empty | Place::Open(_) => None,
        }
    }
}
