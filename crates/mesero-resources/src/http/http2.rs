//! HTTP/2: connections that carry many requests at once; a slot is a stream.
//!
//! A request never waits for a stream: if all streams that the upstream grants are taken, a new
//! connection is made. So at most as many streams are open as there are seats.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use http::uri::Scheme;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod stream;
mod stream_body;
mod stream_load;
mod vitals;

pub(super) use stream::Http2Stream;
use stream_load::{StreamLoad, StreamPermit};
use vitals::Vitals;

/// Unread bytes of one response: enough for 40 Mbit/s over 50 ms. A connection's window is that of
/// all streams together, so a client that does not read delays no other.
const STREAM_WINDOW: u32 = 256 * 1024;

/// Unwritten bytes of one request.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// Largest head of a response, as over HTTP/1.1.
const HEAD_BYTES: u32 = 64 * 1024;

/// The shared connections to one upstream.
#[derive(Debug)]
pub(super) struct SharedConnections {
    open: Mutex<Vec<Arc<SharedConnection>>>,
    /// The scheme of requests.
    scheme: Scheme,
    /// Most open streams, on all connections together.
    streams: NonZeroUsize,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// A connection. It closes when it opens no more streams and the last one has ended. A
/// connection that does not answer pings opens no more streams, and is not closed: its upstream may
/// still work on what it has received.
#[derive(Debug)]
pub(super) struct SharedConnection {
    sender: SendRequest<Bytes>,
    scheme: Scheme,
    load: Arc<StreamLoad>,
    vitals: Arc<Vitals>,
}

impl SharedConnections {
    /// Makes an empty set. Tasks that drive the connections are spawned through `tasks`; `stop`
    /// ends them.
    pub(super) fn new(
        scheme: Scheme,
        streams: NonZeroUsize,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        Self { open: Mutex::default(), scheme, streams, tasks, stop }
    }

    /// Returns a stream on a connection that has one available.
    pub(super) fn stream(&self) -> Option<Http2Stream> {
        let mut open = self.open();
        open.retain(|connection| connection.takes_streams());
        open.iter().find_map(|connection| connection.stream())
    }

    /// Starts HTTP/2 over a new connection, and takes its first stream. Dropping the future closes
    /// the connection.
    ///
    /// # Errors
    /// If the upstream does not speak HTTP/2. No request has been sent then.
    pub(super) async fn begin<S>(&self, socket: S) -> Result<Http2Stream, h2::Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let streams = u32::try_from(self.streams.get()).unwrap_or(u32::MAX);
        let most = (1 << 31) - 1;
        let (sender, mut connection) = Builder::new()
            .enable_push(false)
            // None before the upstream has sent its limit.
            .initial_max_send_streams(0)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(STREAM_WINDOW.saturating_mul(streams).min(most))
            .max_header_list_size(HEAD_BYTES)
            .max_send_buffer_size(SEND_BUFFER_BYTES)
            .handshake(socket)
            .await?;
        std::future::poll_fn(|cx| match std::pin::Pin::new(&mut connection).poll(cx) {
            Poll::Ready(ended) => Poll::Ready(ended.and(Err(h2::Reason::NO_ERROR.into()))),
            Poll::Pending if connection.max_concurrent_send_streams() > 0 => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        })
        .await?;
        let (load, vitals) = (Arc::new(StreamLoad::new()), Arc::new(Vitals::new()));
        let pings = connection.ping_pong();
        let (stop, watched, signs) = (self.stop.clone(), Arc::clone(&load), Arc::clone(&vitals));
        self.tasks.spawn(async move {
            let watching = async {
                signs.watch(pings, &watched).await;
                std::future::pending().await
            };
            tokio::select! {
                ended = connection => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection to an upstream ended early");
                    }
                }
                () = watching => {}
                () = stop.cancelled() => {}
            }
            signs.record_close();
        });
        let scheme = self.scheme.clone();
        let connection = Arc::new(SharedConnection { sender, scheme, load, vitals });
        let stream = connection.stream().ok_or(h2::Reason::NO_ERROR)?;
        self.open().push(connection);
        Ok(stream)
    }

    /// Closes connections that were idle for this long.
    pub(super) fn close_idle(&self, idle_timeout: Duration) {
        self.open().retain(|connection| {
            connection.takes_streams() && !connection.load.is_idle_for(idle_timeout)
        });
    }

    /// Opens no more streams.
    pub(super) fn close(&self) {
        self.open().clear();
    }

    fn open(&self) -> MutexGuard<'_, Vec<Arc<SharedConnection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedConnection {
    /// Returns true if the upstream accepts more requests here: it has not closed the connection,
    /// nor announced that, and it answers pings.
    fn takes_streams(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        !self.vitals.is_retired()
            && !matches!(self.sender.clone().poll_ready(&mut cx), Poll::Ready(Err(_)))
    }

    fn stream(&self) -> Option<Http2Stream> {
        let granted = self.sender.current_max_send_streams();
        let taken = StreamPermit::take(&self.load, granted)?;
        let vitals = Arc::clone(&self.vitals);
        Some(Http2Stream::new(self.sender.clone(), self.scheme.clone(), vitals, taken))
    }
}

#[cfg(test)]
mod tests;
