//! Requests that reach the handler or are rejected, and the client's responses.

use std::{future::pending, sync::Arc};

use http::Response;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::{Calls, Front, GOOD, LIMITS, hello};
use crate::body::Body;
use crate::server::framing::Violation;

#[tokio::test]
async fn a_bad_request_is_answered_and_closed_and_never_reaches_the_handler() {
    let calls = Calls::default();
    let front = Front::start(LIMITS, {
        let calls = calls.clone();
        move |request, peer| {
            calls.add();
            hello(request, peer)
        }
    })
    .await;
    let huge = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(LIMITS.head_bytes));
    let table: &[(&str, u16, Violation)] = &[
        ("GET / HTTP/1.1\nHost: a\n\n", 400, Violation::BareLf),
        ("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400, Violation::BareCr),
        ("GET / HTTP/1.1\r\n\r\n", 400, Violation::MissingHost),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, Violation::RepeatedHost),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, Violation::SpaceBeforeColon),
        ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400, Violation::FoldedField),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 400, Violation::ControlCharacter),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505, Violation::Version),
        ("GET /<> HTTP/1.1\r\nHost: a\r\n\r\n", 400, Violation::Target),
        ("\x16\x03\x01", 400, Violation::Method),
        (&huge, 431, Violation::HeadTooLarge),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400, Violation::Length),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            400,
            Violation::DifferingLengths,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n0\r\n\r\n",
            400,
            Violation::Length,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            400,
            Violation::LengthAndEncoding,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            400,
            Violation::Encoding,
        ),
        (
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            Violation::EncodingInHttp10,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
            400,
            Violation::BareLf,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5x\r\nhello\r\n0\r\n\r\n",
            400,
            Violation::ChunkSize,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n",
            400,
            Violation::ChunkEnd,
        ),
    ];
    for (request, status, violation) in table {
        let mut client = front.client().await;
        client.send(request).await;
        let answer = client.answer().await;
        assert_eq!(answer.status(), *status, "{request:?}");
        assert!(answer.closes(), "{request:?}");
        assert!(answer.head.contains("content-type: application/problem+json\r\n"));
        assert!(
            answer.body.contains(&violation.to_string().replace('"', "\\\"")),
            "{request:?}: {}",
            answer.body
        );
        client.closed().await;
    }
    assert_eq!(calls.count(), 0);
}

#[tokio::test]
async fn requests_before_a_bad_one_are_answered_in_order() {
    let front = Front::start(LIMITS, |request, _| async move {
        Response::new(Body::from(request.uri().path().to_owned()))
    })
    .await;
    let mut client = front.client().await;
    client
        .send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\n\r\nGET /4 HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    assert_eq!(client.answer().await.body, "/1");
    assert_eq!(client.answer().await.body, "/2");
    assert_eq!(client.answer().await.status(), 400);
    client.closed().await;
}

#[tokio::test]
async fn a_request_still_at_work_is_answered_before_the_bad_one_behind_it() {
    let (release, released) = oneshot::channel::<()>();
    let released = Arc::new(Mutex::new(Some(released)));
    let (begun, mut has_begun) = mpsc::channel(1);
    let front = Front::start(LIMITS, move |_, _| {
        let (released, begun) = (Arc::clone(&released), begun.clone());
        async move {
            begun.send(()).await.unwrap();
            released.lock().await.take().unwrap().await.unwrap();
            Response::new(Body::from("done"))
        }
    })
    .await;
    let mut client = front.client().await;
    client.send(GOOD).await;
    has_begun.recv().await.unwrap();
    client.send("GET / HTTP/1.1\nHost: a\n\n").await;
    release.send(()).unwrap();
    assert_eq!(client.answer().await.body, "done");
    assert_eq!(client.answer().await.status(), 400);
    client.closed().await;
}

#[tokio::test]
async fn a_disconnect_drops_the_handler() {
    struct DropGuard(Option<oneshot::Sender<()>>);
    impl Drop for DropGuard {
        fn drop(&mut self) {
            self.0.take().unwrap().send(()).unwrap();
        }
    }
    let (begun, mut has_begun) = mpsc::channel(1);
    let front = Front::start(LIMITS, move |_, _| {
        let begun = begun.clone();
        async move {
            let (dropped, is_dropped) = oneshot::channel();
            let _guard = DropGuard(Some(dropped));
            begun.send(is_dropped).await.unwrap();
            pending().await
        }
    })
    .await;
    for head in [GOOD, "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT"] {
        let mut client = front.client().await;
        client.send(head).await;
        let is_dropped = has_begun.recv().await.unwrap();
        drop(client);
        is_dropped.await.unwrap();
    }
}

#[tokio::test]
async fn a_panic_is_a_500_for_one_request_and_the_connection_lives_on() {
    let front = Front::start(LIMITS, |request, peer| async move {
        assert_ne!(request.uri().path(), "/panic");
        hello(request, peer).await
    })
    .await;
    let mut client = front.client().await;
    client.send("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!(answer.status(), 500);
    assert!(answer.body.contains("urn:mesero:internal-error"));
    assert_eq!(client.get().await.body, "hello");
}

#[tokio::test]
async fn a_thousand_requests_share_one_connection() {
    let calls = Calls::default();
    let front = Front::start(LIMITS, {
        let calls = calls.clone();
        move |request, peer| {
            calls.add();
            hello(request, peer)
        }
    })
    .await;
    let mut client = front.client().await;
    for _ in 0..1_000 {
        assert_eq!(client.get().await.body, "hello");
    }
    assert_eq!(calls.count(), 1_000);
}

#[tokio::test]
async fn pipelined_requests_larger_than_any_buffer_are_all_answered() {
    let front = Front::start(LIMITS, hello).await;
    let mut client = front.client().await;
    client.send(GOOD.repeat(2_000)).await;
    for _ in 0..2_000 {
        assert_eq!(client.answer().await.body, "hello");
    }
}

#[tokio::test]
async fn head_is_answered_with_the_length_and_no_body() {
    let front = Front::start(LIMITS, hello).await;
    let mut client = front.client().await;
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(client.head().await.contains("content-length: 5\r\n"));
    assert_eq!(client.get().await.body, "hello");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_works_on_many_threads() {
    let front = Front::start(LIMITS, hello).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(front.client().await);
    }
    for client in &mut clients {
        client.send(GOOD).await;
    }
    for client in &mut clients {
        assert_eq!(client.answer().await.body, "hello");
    }
    assert_eq!(front.stop().await.cut_off, 0);
}
