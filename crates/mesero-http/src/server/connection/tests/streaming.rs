//! Streamed responses.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Response;
use hyper::body::Frame;
use tokio::{
    sync::{Mutex, mpsc},
    time::{Instant, sleep},
};

use super::{Front, GOOD, LIMITS};
use crate::body::{Body, BoxError};

/// A body of the pieces that the test sends.
struct ScriptedBody(mpsc::Receiver<&'static str>);

impl hyper::body::Body for ScriptedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece.into()))))
    }
}

/// Answers one request with what is sent.
async fn streaming() -> (Front, mpsc::Sender<&'static str>) {
    let (pieces, receiver) = mpsc::channel(1);
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let front =
        Front::start(LIMITS, move |_, _| {
            let receiver = Arc::clone(&receiver);
            async move {
                Response::new(Body::stream(ScriptedBody(receiver.lock().await.take().unwrap())))
            }
        })
        .await;
    (front, pieces)
}

#[tokio::test]
async fn each_piece_goes_out_as_it_comes() {
    let (front, pieces) = streaming().await;
    let mut client = front.client().await;
    client.send(GOOD).await;
    assert!(client.head().await.contains("transfer-encoding: chunked\r\n"));
    for piece in ["one", "two"] {
        pieces.send(piece).await.unwrap();
        client.expect(format!("3\r\n{piece}\r\n")).await;
    }
    drop(pieces);
    client.expect("0\r\n\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_may_be_silent_longer_than_a_connection_may_be_idle() {
    let (front, pieces) = streaming().await;
    let mut client = front.client().await;
    client.send(GOOD).await;
    client.head().await;
    sleep(LIMITS.idle_timeout * 3).await;
    pieces.send("late").await.unwrap();
    client.expect("4\r\nlate\r\n").await;
    drop(pieces);
    client.expect("0\r\n\r\n").await;
    let ended = Instant::now();
    client.closed().await;
    assert!(ended.elapsed() >= LIMITS.idle_timeout);
}

#[tokio::test]
async fn a_disconnect_drops_the_stream() {
    let (front, pieces) = streaming().await;
    let mut client = front.client().await;
    client.send(GOOD).await;
    client.head().await;
    drop(client);
    pieces.closed().await;
}
