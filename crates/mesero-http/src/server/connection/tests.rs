//! Whole connections over real sockets, with handlers that say what they see.

mod bodies;
mod client;
mod clocks;
mod http2;
mod requests;
mod stopping;
mod streaming;

use std::{
    net::SocketAddr,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::Peer;
use crate::body::Body;
use crate::server::limits::Limits;
use crate::server::listen::{Stopped, bind, serve};
use client::Client;

const GOOD: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

const LIMITS: Limits = Limits {
    connections: NonZeroUsize::new(1_000).unwrap(),
    head_timeout: Duration::from_secs(10),
    idle_timeout: Duration::from_secs(60),
    head_bytes: 16 * 1_024,
    drain_timeout: Duration::from_secs(30),
};

/// A front on a free port.
struct Front {
    address: SocketAddr,
    stop: CancellationToken,
    stopped: JoinHandle<Stopped>,
}

impl Front {
    async fn start<H, F>(limits: Limits, handler: H) -> Self
    where
        H: Fn(Request<Incoming>, Peer) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let listeners = bind("127.0.0.1:0").await.unwrap();
        let address = listeners[0].local_addr().unwrap();
        let stop = CancellationToken::new();
        let serving = serve(listeners, limits, handler, stop.clone());
        let stopped = TaskTracker::new().spawn(serving);
        Self { address, stop, stopped }
    }

    async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    async fn stop(self) -> Stopped {
        self.stop.cancel();
        self.stopped.await.unwrap()
    }
}

/// Counts how often a handler was called.
#[derive(Clone, Debug, Default)]
struct Calls(Arc<AtomicUsize>);

impl Calls {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Says hello at once.
async fn hello(_: Request<Incoming>, _: Peer) -> Response<Body> {
    Response::new(Body::from("hello"))
}
