//! HTTP/2, with bounds on what one client can demand.

use std::{pin::Pin, time::Duration};

use hyper::{body::Incoming, server::conn::http2};
use hyper_util::rt::TokioTimer;
use tokio_util::task::TaskTracker;

use crate::body::BoxError;
use crate::server::limits::Limits;

/// Requests that one HTTP/2 connection may have in flight; browsers and proxies expect at least this number.
const STREAMS: u32 = 100;

/// Streams opened and reset at once (the "rapid reset" attack) before the connection is closed.
const RESET_STREAMS: usize = 20;

/// Ping interval and timeout: a dead HTTP/2 peer is detected within twice this time.
const PING: Duration = Duration::from_secs(20);

pub(super) type Builder = http2::Builder<TrackedExecutor>;

pub(super) fn builder(limits: &Limits, tracker: &TaskTracker) -> Builder {
    let mut builder = http2::Builder::new(TrackedExecutor(tracker.clone()));
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(RESET_STREAMS)
        .max_local_error_reset_streams(RESET_STREAMS)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    builder
}

/// The needed part of an HTTP/2 connection, whose own type has five parameters.
pub(super) trait GracefulConnection: Future<Output = hyper::Result<()>> {
    fn graceful_shutdown(self: Pin<&mut Self>);
}

impl<I, S, B> GracefulConnection for http2::Connection<I, S, TrackedExecutor>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    S: hyper::service::HttpService<Incoming, ResBody = B>,
    S::Error: Into<BoxError>,
    B: hyper::body::Body + 'static,
    B::Error: Into<BoxError>,
    TrackedExecutor: hyper::rt::bounds::Http2ServerConnExec<S::Future, B>,
{
    fn graceful_shutdown(self: Pin<&mut Self>) {
        Self::graceful_shutdown(self);
    }
}

/// Spawns hyper's tasks through a tracker, so that stopping can wait for them.
#[derive(Clone, Debug)]
pub(super) struct TrackedExecutor(TaskTracker);

impl<F> hyper::rt::Executor<F> for TrackedExecutor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}
