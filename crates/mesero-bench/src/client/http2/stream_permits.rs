//! How many ask over a connection at once: as many as the server takes, and in the order in which they came.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use h2::client::{Connection, SendRequest};
use mesero_http::socket::MaybeTlsStream;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Where those wait for whom the server has no stream. What waits within the library is sent even if
/// whoever asked has given up, and a server that hears of many such requests closes the connection.
#[derive(Debug)]
pub(crate) struct StreamPermits {
    permits: Semaphore,
    /// How many clients there are.
    clients: usize,
}

impl StreamPermits {
    /// For so many clients, of whom one may ask before the server has said how many it takes.
    pub(crate) fn new(clients: usize) -> Self {
        Self { permits: Semaphore::new(1), clients }
    }

    /// Waits for a place, which is free again when what this returns is dropped; none if nothing can
    /// be asked any more, which whoever tries is told the reason of.
    pub(crate) async fn acquire(&self) -> Option<SemaphorePermit<'_>> {
        self.permits.acquire().await.ok()
    }

    /// Where there were so many places, there are as many as there are streams; returns how many.
    fn resize(&self, permits: usize, streams: usize) -> usize {
        let wanted = streams.min(self.clients);
        if wanted > permits {
            self.permits.add_permits(wanted - permits);
            return wanted;
        }
        // A place that is taken goes when it is free; meanwhile the library sees to it that no more is
        // asked than the server takes.
        permits - self.permits.forget_permits(permits - wanted)
    }
}

/// Reads and writes until the connection ends, and keeps the room as large as the server says. Those
/// who wait for answers hear what ended it.
pub(crate) async fn drive(
    mut connection: Connection<MaybeTlsStream, Bytes>,
    mut sender: SendRequest<Bytes>,
    stream_permits: Arc<StreamPermits>,
) {
    let mut permits = 1;
    poll_fn(|cx| {
        let ended = Pin::new(&mut connection).poll(cx);
        match sender.poll_ready(cx) {
            // The server is leaving, or has left: whoever waits goes elsewhere.
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
        for (streams, wanted) in [(1, 1), (5, 5), (5, 5), (2, 2), (usize::MAX, 10), (0, 0), (3, 3)]
        {
            permits = stream_permits.resize(permits, streams);
            assert_eq!(
                (permits, stream_permits.permits.available_permits()),
                (wanted, wanted),
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
