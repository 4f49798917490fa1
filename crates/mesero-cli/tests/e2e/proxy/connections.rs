//! Connections, one for each seat: when they are kept and closed, and what holds them.

use super::*;

#[tokio::test]
async fn a_connection_is_used_again() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "").await;
    let serve = async {
        let mut wire = upstream.accept().await;
        for number in 0..3 {
            assert!(wire.head().await.starts_with(&format!("GET /{number} ")));
            match number {
                1 => {
                    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
                    wire.write(format!("{answer}1\r\n1\r\n0\r\n\r\n")).await;
                }
                _ => wire.answer(&number.to_string()).await,
            }
        }
        assert!(!upstream.has_another().await);
    };
    let ask = async {
        for number in 0..3 {
            assert_eq!(mesero.get(&format!("/{number}")).await.body, number.to_string());
        }
    };
    tokio::join!(serve, ask);
}

#[tokio::test]
async fn a_slot_is_held_until_the_body_has_ended_and_the_limit_is_the_connections() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "connections = 1").await;
    let mut first = sent(&mesero, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut wire = upstream.asked().await;
    wire.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhel").await;
    first.head().await;
    assert_eq!(first.bytes(3).await, "hel");
    // The job of the first is over, and its body is still on its way.
    let _second = sent(&mesero, "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let jobs = mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 1).await;
    assert_eq!(in_phase(&jobs, "stopping"), 1);
    assert!(!upstream.has_another().await);
    wire.write("lo!").await;
    assert!(wire.head().await.starts_with("GET /2 "));
    assert_eq!(first.bytes(3).await, "lo!");
}

#[tokio::test]
async fn a_client_that_leaves_within_a_body_closes_the_connection() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "connections = 1").await;
    let mut within_the_body = sent(&mesero, "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut wire = upstream.asked().await;
    wire.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhel").await;
    within_the_body.head().await;
    drop(within_the_body);
    wire.closed().await;

    let mut within_the_request = Wire::to(mesero.front).await;
    within_the_request.write("PUT /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nhel").await;
    let mut wire = upstream.asked().await;
    assert_eq!(wire.bytes(3).await, "hel");
    drop(within_the_request);
    wire.closed().await;
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_one_slot_and_nobody_else() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "connections = 2").await;
    let mut slow = sent(&mesero, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut held = upstream.asked().await;
    held.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await;
    slow.head().await;
    let serve = async {
        let mut wire = upstream.accept().await;
        for _ in 0..10 {
            wire.head().await;
            wire.answer("fast").await;
        }
    };
    let ask = async {
        for _ in 0..10 {
            assert_eq!(mesero.get("/fast").await.body, "fast");
        }
    };
    tokio::join!(serve, ask);
    mesero.until_jobs(|jobs| jobs.len() == 1 && in_phase(jobs, "stopping") == 1).await;
}

#[tokio::test]
async fn a_connection_that_is_idle_too_long_is_closed() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "idle_timeout = \"20ms\"").await;
    let serve = async {
        let mut wire = upstream.asked().await;
        wire.answer("").await;
        wire.closed().await;
    };
    tokio::join!(mesero.get("/"), serve);
}

#[tokio::test]
async fn a_slow_sender_holds_no_slot_where_requests_are_buffered() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "connections = 1\nrequest_buffering = true").await;
    let head = "POST /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n";
    let mut slow = sent(&mesero, &format!("{head}Expect: 100-continue\r\n\r\n")).await;
    // It is being received.
    assert_eq!(slow.head().await, "HTTP/1.1 100 Continue\r\n");
    assert!(mesero.jobs().await.is_empty());
    let serve = async {
        let mut wire = upstream.asked().await;
        wire.answer("fast").await;
        wire
    };
    let (answer, mut wire) = tokio::join!(mesero.get("/fast"), serve);
    assert_eq!(answer.body, "fast");
    slow.write("5\r\nhello\r\n0\r\n\r\n").await;
    let head = wire.head().await;
    assert_eq!(field(&head, "content-length"), Some("5"));
    assert_eq!(field(&head, "expect"), None);
    assert_eq!(wire.bytes(5).await, "hello");
}
