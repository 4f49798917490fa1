//! The control plane's own thread, which answers even while the rest of the process is busy.

use std::io;
use std::net;
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Enough for users, scrapers and load balancers; further connections wait in the kernel.
const CONNECTIONS: usize = 256;

/// Timeout of a request's head, and of an idle connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Timeout of a response during a stop. Responses take milliseconds, so a slower client does not read.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Descriptors become free when connections end; ten attempts a second cost nothing.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// A control plane that serves on a thread of its own.
#[derive(Debug)]
pub struct ControlThread {
    thread: thread::JoinHandle<()>,
    ended: oneshot::Receiver<()>,
}

/// Serves `router` on `listeners` until `stop` is canceled, on a new thread.
///
/// The thread owns the listeners and all connections. When `stop` is canceled, the listeners are closed at once, and
/// each connection when its response is complete, or after two seconds. Dropping the [`ControlThread`] stops nothing.
///
/// # Errors
/// If the thread cannot be started, or a listener cannot be watched.
pub fn start(
    listeners: Vec<net::TcpListener>,
    router: Router,
    stop: CancellationToken,
) -> io::Result<ControlThread> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listeners = {
        let _inside = runtime.enter();
        listeners.into_iter().map(watched).collect::<io::Result<Vec<_>>>()?
    };
    let (end, ended) = oneshot::channel();
    let thread = thread::Builder::new().name("mesero-control".to_owned()).spawn(move || {
        // Dropped when the thread ends, by a panic too.
        let _end = end;
        runtime.block_on(serve(listeners, router, stop));
    })?;
    Ok(ControlThread { thread, ended })
}

fn watched(listener: net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

impl ControlThread {
    /// Waits until it has stopped, soon after its `stop` is canceled; its sockets are closed then. Dropping the future
    /// leaves the thread running.
    pub async fn stopped(self) {
        // Nothing is ever sent.
        let _ = self.ended.await;
        if self.thread.join().is_err() {
            tracing::error!("the control plane panicked");
        }
    }
}

async fn serve(listeners: Vec<TcpListener>, router: Router, stop: CancellationToken) {
    let tasks = TaskTracker::new();
    let context = ControlListener {
        router,
        stop,
        tasks: tasks.clone(),
        permits: Arc::new(Semaphore::new(CONNECTIONS)),
    };
    for listener in listeners {
        tasks.spawn(context.clone().accept(listener));
    }
    tasks.close();
    tasks.wait().await;
}

#[derive(Debug, Clone)]
struct ControlListener {
    router: Router,
    stop: CancellationToken,
    tasks: TaskTracker,
    permits: Arc<Semaphore>,
}

impl ControlListener {
    async fn accept(self, listener: TcpListener) {
        let connections = async {
            loop {
                // The semaphore is never closed.
                let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else { return };
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let connection = self.clone().serve_connection(stream);
                        self.tasks.spawn(async move {
                            connection.await;
                            drop(permit);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the control plane cannot accept a connection");
                        sleep(EXHAUSTED_PAUSE).await;
                    }
                }
            }
        };
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = connections => {}
        }
    }

    /// Serves one connection to its end. On a stop, the request in flight is still answered. A drop closes the socket.
    async fn serve_connection(self, stream: TcpStream) {
        // Without it, responses are only late.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(self.router);
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service)
        );
        let result = tokio::select! {
            result = connection.as_mut() => result,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                timeout(CLOSE_TIMEOUT, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = result {
            tracing::debug!(%error, "a connection to the control plane broke");
        }
    }
}

#[cfg(test)]
mod tests;
