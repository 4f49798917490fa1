//! Listens on addresses, accepts connections up to a bound, and drains them all on a stop.

mod bind;

#[cfg(test)]
mod tests;

use std::{future::poll_fn, io, net::SocketAddr, sync::Arc, task::Poll, time::Duration};

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use bind::{BindError, bind};

use super::connection::{Connections, Peer};
use super::limits::Limits;
use crate::body::Body;

/// Descriptors become free when a connection ends; ten attempts a second are soon enough and cost nothing.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// The result of a stopped front.
#[derive(Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Number of connections that were closed with a request in flight because draining took too long.
    pub cut_off: usize,
}

/// Serves until `stop`, then closes the listeners, finishes the requests in flight and returns.
///
/// The handler's future is dropped when its client disconnects. Dropping this future closes the listeners; connections
/// that were accepted run on as tasks of their own, each with its permit.
pub async fn serve<H, F>(
    listeners: Vec<TcpListener>,
    limits: Limits,
    handler: H,
    stop: CancellationToken,
) -> Stopped
where
    H: Fn(Request<Incoming>, Peer) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let tracker = TaskTracker::new();
    let connections = Arc::new(Connections::new(handler, limits, stop.clone(), &tracker));
    let bound = limits.connections.get().min(Semaphore::MAX_PERMITS);
    let permits = Arc::new(Semaphore::new(bound));
    let accepting = async {
        let mut acceptor = Acceptor { listeners, first: 0 };
        // The permit comes before the connection, so that clients above the bound stay in the kernel's backlog.
        while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
            let (stream, peer) = acceptor.next().await;
            tracker.spawn(Arc::clone(&connections).run(stream, peer, permit));
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = accepting => {}
    }
    tracker.close();
    tracker.wait().await;
    Stopped { cut_off: connections.cut_off() }
}

struct Acceptor {
    listeners: Vec<TcpListener>,
    /// The listener that is polled first, in rotation, so that none starves.
    first: usize,
}

impl Acceptor {
    /// Waits for the next connection. A drop loses none: it stays in the backlog.
    async fn next(&mut self) -> (TcpStream, Peer) {
        let mut exhausted = false;
        loop {
            match self.accept().await {
                Ok((stream, address)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(peer = %address, %error, "failed to set TCP_NODELAY");
                    }
                    return (stream, Peer { address });
                }
                Err(error) if concerns_one_client(&error) => {
                    tracing::debug!(%error, "a client disconnected before it was accepted");
                }
                Err(error) => {
                    // EMFILE and the like: the client stays in the backlog, so another attempt at once would spin.
                    if !exhausted {
                        tracing::warn!(%error, "failed to accept connections; trying again");
                        exhausted = true;
                    }
                    sleep(EXHAUSTED_PAUSE).await;
                }
            }
        }
    }

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        self.first = self.first.wrapping_add(1);
        poll_fn(|cx| {
            for turn in 0..self.listeners.len() {
                let listener =
                    &self.listeners[(self.first.wrapping_add(turn)) % self.listeners.len()];
                if let Poll::Ready(accepted) = listener.poll_accept(cx) {
                    return Poll::Ready(accepted);
                }
            }
            Poll::Pending
        })
        .await
    }
}

fn concerns_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
