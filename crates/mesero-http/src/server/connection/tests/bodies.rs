//! Request bodies: whole, or an error that says what was wrong.

use std::time::Duration;

use http::Response;
use tokio::sync::mpsc;

use super::{Calls, Front, GOOD, LIMITS};
use crate::body::Body;
use crate::server::{
    framing::Violation,
    read_body::{self, ReadBodyError},
};

/// Answers with what it received, and reports that first.
async fn receiving(
    calls: Calls,
    limit: usize,
) -> (Front, mpsc::Receiver<Result<usize, ReadBodyError>>) {
    let (reports, received) = mpsc::channel(16);
    let front = Front::start(LIMITS, move |request, _| {
        calls.add();
        let reports = reports.clone();
        async move {
            let body =
                read_body::into_memory(request.into_body(), limit, Duration::from_secs(5)).await;
            let report = body.as_ref().map(|body| body.len());
            reports.send(report.map_err(ReadBodyError::clone)).await.unwrap();
            match body {
                Ok(body) => Response::new(Body::from(body)),
                Err(error) => {
                    Response::builder().status(400).body(Body::from(error.to_string())).unwrap()
                }
            }
        }
    })
    .await;
    (front, received)
}

#[tokio::test]
async fn a_body_that_is_cut_short_is_never_a_whole_one() {
    let heads = [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    ];
    let (front, mut received) = receiving(Calls::default(), 100).await;
    for half in heads {
        let mut client = front.client().await;
        client.send(half).await;
        client.finish_sending().await;
        assert_eq!(received.recv().await, Some(Err(ReadBodyError::Incomplete)), "{half:?}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_while_it_is_received_is_malformed_and_closes() {
    let calls = Calls::default();
    let (front, mut received) = receiving(calls.clone(), 100).await;
    let mut client = front.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    assert!(client.head().await.starts_with("HTTP/1.1 100 "));
    client.send("5\r\nhello\n").await;
    let violation = Violation::BareLf;
    assert_eq!(received.recv().await, Some(Err(ReadBodyError::Malformed(Some(violation)))));
    let answer = client.answer().await;
    assert_eq!(answer.body, violation.to_string());
    assert!(answer.closes());
    client.closed().await;
    assert_eq!(calls.count(), 1);
}

#[tokio::test]
async fn whole_bodies_arrive_however_they_are_sent() {
    let (front, mut received) = receiving(Calls::default(), 1 << 20).await;
    let mut client = front.client().await;
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX: b\r\n\r\n";
    client.send(chunked).await;
    assert_eq!(client.answer().await.body, "hello world");
    for byte in chunked.as_bytes() {
        client.send([*byte]).await;
    }
    assert_eq!(client.answer().await.body, "hello world");
    let large = "x".repeat(1 << 20);
    client
        .send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{large}",
            large.len()
        ))
        .await;
    assert!(client.answer().await.body == large);
    client.send(GOOD).await;
    assert_eq!(client.answer().await.body, "");
    for length in [11, 11, 1 << 20, 0] {
        assert_eq!(received.recv().await, Some(Ok(length)));
    }
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_sends_a_body_that_fits_and_none_that_does_not() {
    let (front, mut received) = receiving(Calls::default(), 5).await;
    let head = |length| {
        format!(
            "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let mut client = front.client().await;
    client.send(head(5)).await;
    assert!(client.head().await.starts_with("HTTP/1.1 100 "));
    client.send("hello").await;
    assert_eq!(client.answer().await.body, "hello");
    client.send(head(6)).await;
    assert_eq!(client.answer().await.status(), 400);
    client.closed().await;
    assert_eq!(received.recv().await, Some(Ok(5)));
    assert_eq!(received.recv().await, Some(Err(ReadBodyError::TooLarge { limit: 5 })));
}

#[tokio::test]
async fn a_client_that_sends_too_much_reads_the_answer_and_no_reset() {
    let (front, mut received) = receiving(Calls::default(), 5).await;
    let mut client = front.client().await;
    let large = "x".repeat(2 << 20);
    client
        .send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{large}",
            large.len()
        ))
        .await;
    let answer = client.answer().await;
    assert_eq!(answer.status(), 400);
    assert!(answer.closes());
    client.closed().await;
    assert_eq!(received.recv().await, Some(Err(ReadBodyError::TooLarge { limit: 5 })));
}

#[tokio::test]
async fn chunks_above_the_limit_are_refused_as_they_come() {
    let (front, mut received) = receiving(Calls::default(), 5).await;
    let mut client = front.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\nabc\r\n").await;
    assert_eq!(client.answer().await.status(), 400);
    assert_eq!(received.recv().await, Some(Err(ReadBodyError::TooLarge { limit: 5 })));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_takes_too_long_is_too_slow() {
    let (front, mut received) = receiving(Calls::default(), 100).await;
    let mut client = front.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello").await;
    let after = Duration::from_secs(5);
    assert_eq!(received.recv().await, Some(Err(ReadBodyError::TooSlow { after })));
}

#[tokio::test]
async fn a_body_that_ends_where_a_bad_request_begins_is_answered_before_that() {
    let (front, mut received) = receiving(Calls::default(), 100).await;
    let mut client = front.client().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        .await;
    assert!(client.head().await.starts_with("HTTP/1.1 100 "));
    client.send("helloGET / HTTP/1.1\n\n").await;
    assert_eq!(received.recv().await, Some(Ok(5)));
    assert_eq!(client.answer().await.body, "hello");
    assert_eq!(client.answer().await.status(), 400);
    client.closed().await;
}
