//! How many ask over a connection at once: as many as the server takes, and in the order in which they came.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use h2::client::{Connection, SendRequest};
use mesero_http::socket::Socket;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Where those wait for whom the server has no stream. What waits within the library is sent even if
/// whoever asked has given up, and a server that hears of many such requests closes the connection.
#[derive(Debug)]
pub(crate) struct Room {
    places: Semaphore,
    /// How many clients there are.
    most: usize,
}

impl Room {
    /// For so many clients, of whom one may ask before the server has said how many it takes.
    pub(crate) fn new(most: usize) -> Self {
        Self { places: Semaphore::new(1), most }
    }

    /// Waits for a place, which is free again when what this returns is dropped; none if nothing can
    /// be asked any more, which whoever tries is told the reason of.
    pub(crate) async fn enter(&self) -> Option<SemaphorePermit<'_>> {
        self.places.acquire().await.ok()
    }

    /// Where there were so many places, there are as many as there are streams; returns how many.
    fn resize(&self, places: usize, streams: usize) -> usize {
        let wanted = streams.min(self.most);
        if wanted > places {
            self.places.add_permits(wanted - places);
            return wanted;
        }
        // A place that is taken goes when it is free; meanwhile the library sees to it that no more is
        // asked than the server takes.
        places - self.places.forget_permits(places - wanted)
    }
}

/// Reads and writes until the connection ends, and keeps the room as large as the server says. Those
/// who wait for answers hear what ended it.
pub(crate) async fn drive(
    mut connection: Connection<Socket, Bytes>,
    mut sender: SendRequest<Bytes>,
    room: Arc<Room>,
) {
    let mut places = 1;
    poll_fn(|cx| {
        let ended = Pin::new(&mut connection).poll(cx);
        match sender.poll_ready(cx) {
            // The server is leaving, or has left: whoever waits goes elsewhere.
            Poll::Ready(Err(_)) => room.places.close(),
            _ => places = room.resize(places, connection.max_concurrent_send_streams()),
        }
        ended.map(drop)
    })
    .await;
    room.places.close();
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn there_are_as_many_places_as_streams_and_no_more_than_clients() {
        let room = Room::new(10);
        let mut places = 1;
        for (streams, wanted) in [(1, 1), (5, 5), (5, 5), (2, 2), (usize::MAX, 10), (0, 0), (3, 3)]
        {
            places = room.resize(places, streams);
            assert_eq!((places, room.places.available_permits()), (wanted, wanted), "{streams}");
        }
    }

    #[test]
    fn places_that_are_taken_are_fewer_when_they_are_free_again() {
        let room = Room::new(10);
        let mut places = room.resize(1, 2);
        let (one, two) = (room.enter().now_or_never(), room.enter().now_or_never());
        assert!(one.is_some() && two.is_some() && room.enter().now_or_never().is_none());
        places = room.resize(places, 1);
        drop(one);
        places = room.resize(places, 1);
        assert_eq!((places, room.places.available_permits()), (1, 0));
    }
}
