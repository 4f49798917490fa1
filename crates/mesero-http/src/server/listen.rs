//! Takes addresses, accepts connections up to a bound, and sees them all out when stopped.

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

/// Descriptors come free when a connection ends; asking ten times a second is soon enough and costs nothing.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// How a front ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that were cut off since draining took too long.
    pub cut_off: usize,
}

/// Serves until `stop`, then closes the listeners, finishes what is in flight and returns.
///
/// The handler's future is dropped when its client leaves.
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
        // The permit comes before the connection, so that whoever is above the bound is left to the kernel.
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
    /// Which listener is asked first, in turn, so that none starves.
    first: usize,
}

impl Acceptor {
    /// The next connection, however long it takes.
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
                    tracing::debug!(%error, "a client left before it was accepted");
                }
                Err(error) => {
                    // EMFILE and its like: the client stays in the backlog, so asking at once would spin.
                    if !exhausted {
                        tracing::warn!(%error, "failed to accept connections; trying on");
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
