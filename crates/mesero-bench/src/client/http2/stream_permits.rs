//! Limits the concurrent streams of a connection to those of the server, first come, first served.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use h2::client::{Connection, SendRequest};
use mesero_http::socket::MaybeTlsStream;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Permits to open a stream. Without them requests would wait within the library, which sends them even after their
/// timeout, and a server that receives many such requests closes the connection.
#[derive(Debug)]
pub(crate) struct StreamPermits {
    permits: Semaphore,
    /// Clients that share the connection.
    clients: usize,
}

impl StreamPermits {
    /// For this many clients; until the server has sent its limit, there is one permit.
    pub(crate) fn new(clients: usize) -> Self {
        Self { permits: Semaphore::new(1), clients }
    }

    /// Waits for a permit, which is returned on drop; none once the connection accepts no more requests. Dropped, it
    /// leaves the queue.
    pub(crate) async fn acquire(&self) -> Option<SemaphorePermit<'_>> {
        self.permits.acquire().await.ok()
    }

    /// Changes the number of permits from `permits` to the number of streams, at most one a client; returns the new
    /// number.
    fn resize(&self, permits: usize, streams: usize) -> usize {
        let target = streams.min(self.clients);
        if target > permits {
            self.permits.add_permits(target - permits);
            return target;
        }
        // A permit in use is removed when it is returned; until then the library keeps to the server's limit.
        permits - self.permits.forget_permits(permits - target)
    }
}

/// Reads and writes until the connection ends, and keeps the permits at the server's limit. Pending requests receive
/// the error that ended it. Dropped, it closes the connection.
pub(crate) async fn drive(
    mut connection: Connection<MaybeTlsStream, Bytes>,
    mut sender: SendRequest<Bytes>,
    stream_permits: Arc<StreamPermits>,
) {
    let mut permits = 1;
    poll_fn(|cx| {
        let ended = Pin::new(&mut connection).poll(cx);
        match sender.poll_ready(cx) {
            // The server closes the connection: waiting clients open another one.
            Poll::Ready(Err(_)) => stream_permits.permits.close(),
            _ => permits = stream_permits.resize(permits, connection.max_concurrent_send_streams()),
        }
        ended.map(drop)
    })
    .await;
    stream_permits.permits.close();
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn there_are_as_many_places_as_streams_and_no_more_than_clients() {
        let stream_permits = StreamPermits::new(10);
        let mut permits = 1;
        for (streams, target) in [(1, 1), (5, 5), (5, 5), (2, 2), (usize::MAX, 10), (0, 0), (3, 3)]
        {
            permits = stream_permits.resize(permits, streams);
            assert_eq!(
                (permits, stream_permits.permits.available_permits()),
                (target, target),
                "{streams}"
            );
        }
    }

    #[test]
    fn places_that_are_taken_are_fewer_when_they_are_free_again() {
        let stream_permits = StreamPermits::new(10);
        let mut permits = stream_permits.resize(1, 2);
        let (one, two) =
            (stream_permits.acquire().now_or_never(), stream_permits.acquire().now_or_never());
        assert!(
            one.is_some() && two.is_some() && stream_permits.acquire().now_or_never().is_none()
        );
        permits = stream_permits.resize(permits, 1);
        drop(one);
        permits = stream_permits.resize(permits, 1);
        assert_eq!((permits, stream_permits.permits.available_permits()), (1, 0));
    }
}
