//! Connections whose upstream does not answer.

use std::time::Duration;

use http::Request;
use tokio::io::{DuplexStream, duplex};
use tokio::time::{Instant, timeout};

use super::*;
use crate::http::cut::CutEnd;
use crate::http::progress::AnswerState;
use crate::http::request_body::RequestBody;
use crate::http::send_error::SendError;

const SECOND: Duration = Duration::from_secs(1);

/// The shared connections to a server.
fn connections(streams: usize) -> SharedConnections {
    let streams = NonZeroUsize::new(streams).unwrap();
    SharedConnections::new(Scheme::HTTP, streams, TaskTracker::new(), CancellationToken::new())
}

/// Begins a connection; returns its first stream and the server's side.
async fn begin(
    connections: &SharedConnections,
) -> (Http2Stream, h2::server::Connection<DuplexStream, Bytes>) {
    let (ours, theirs) = duplex(64 * 1024);
    let (begun, server) = tokio::join!(connections.begin(ours), h2::server::handshake(theirs));
    (begun.unwrap(), server.unwrap())
}

fn request() -> Request<RequestBody> {
    let request = Request::builder().uri("/").header("host", "a");
    let body = RequestBody::of(&mesero_http::payload::Payload::Whole(Bytes::new())).unwrap();
    request.body(body).unwrap()
}

/// Sends a request that is abandoned after a second without an answer.
async fn times_out(stream: &mut Http2Stream) {
    assert!(timeout(SECOND, stream.send(request(), None)).await.is_err());
    assert_eq!(stream.answer_state(), AnswerState::Awaited);
    stream.record_timeout();
}

#[tokio::test(start_paused = true)]
async fn an_unresponsive_upstream_is_noticed_while_responses_are_pending() {
    let connections = connections(1);
    // The server neither reads nor writes.
    let (mut stream, _server) = begin(&connections).await;
    let began = Instant::now();
    let sent = stream.send(request(), None).await;
    assert!(matches!(sent, Err(SendError::Unresponsive)), "{sent:?}");
    assert_eq!(began.elapsed(), 2 * vitals::PING_INTERVAL);
    assert!(connections.stream().is_none());
    // It may still work on the request.
    assert_eq!(stream.answer_state(), AnswerState::Awaited);
}

#[tokio::test(start_paused = true)]
async fn two_requests_without_an_answer_are_enough_for_a_silent_connection_to_be_replaced() {
    let connections = connections(4);
    let (mut first, _server) = begin(&connections).await;
    let mut second = connections.stream().unwrap();
    times_out(&mut first).await;
    // One request proves nothing.
    tokio::time::sleep(10 * SECOND).await;
    assert!(connections.stream().is_some());
    let mut third = connections.stream().unwrap();
    times_out(&mut second).await;
    let began = Instant::now();
    let sent = third.send(request(), None);
    let replaced = async {
        tokio::time::sleep(4 * SECOND).await;
        assert!(connections.stream().is_none());
    };
    let (sent, ()) = tokio::join!(sent, replaced);
    // A request that the connection has may still be answered for a while.
    assert!(matches!(sent, Err(SendError::Unresponsive)), "{sent:?}");
    assert_eq!(began.elapsed(), vitals::PING_INTERVAL);
}

#[tokio::test(start_paused = true)]
async fn a_slow_upstream_that_answers_pings_keeps_its_connection() {
    let connections = connections(4);
    let (mut first, mut server) = begin(&connections).await;
    let waiting = async {
        let mut second = connections.stream().unwrap();
        times_out(&mut first).await;
        times_out(&mut second).await;
        tokio::time::sleep(100 * SECOND).await;
        connections.stream().is_some()
    };
    tokio::select! {
        is_open = waiting => assert!(is_open),
        () = async {
            let mut held = Vec::new();
            while let Some(request) = server.accept().await {
                held.push(request.unwrap());
            }
        } => panic!("it ended"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_is_confirmed_by_a_ping_and_otherwise_not_waited_for() {
    let connections = connections(4);
    let (mut stream, mut server) = begin(&connections).await;
    let mut deaf = connections.stream().unwrap();
    times_out(&mut stream).await;
    let end = tokio::select! {
        end = stream.cut() => end,
        () = async { while server.accept().await.is_some() {} } => panic!("it ended"),
    };
    assert_eq!(end, CutEnd::Ended);
    // From here on the server does not read.
    times_out(&mut deaf).await;
    let began = Instant::now();
    assert_eq!(deaf.cut().await, CutEnd::Unconfirmed);
    assert_eq!(began.elapsed(), SECOND);
}
