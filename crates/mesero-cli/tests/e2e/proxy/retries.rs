//! Requests that are sent again, and requests that are not.

use super::*;

/// One good exchange, after which the connection waits in its seat.
async fn warm(mesero: &Mesero, upstream: &Upstream) -> Wire {
    let serve = async {
        let mut wire = upstream.asked().await;
        wire.answer("").await;
        wire
    };
    let (answer, wire) = tokio::join!(mesero.get("/warm"), serve);
    assert_eq!(answer.status, 200);
    wire
}

/// Asks with a method, and answers `again` on a new connection.
async fn answered_anew(mesero: &Mesero, upstream: &Upstream, method: Method) -> Response {
    let serve = async {
        let mut wire = upstream.accept().await;
        let head = wire.head().await;
        let body: usize = field(&head, "content-length").map_or(0, |bytes| bytes.parse().unwrap());
        wire.bytes(body).await;
        wire.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nagain").await;
    };
    let body = if method == Method::POST { "hello" } else { "" };
    tokio::join!(request(mesero.front, method, "/", body), serve).0
}

#[tokio::test]
async fn a_connection_that_the_upstream_closed_while_it_was_idle_is_invisible() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "connections = 1").await;
    for method in [Method::GET, Method::POST] {
        drop(warm(&mesero, &upstream).await);
        assert_eq!(answered_anew(&mesero, &upstream, method).await.body, "again");
    }
}

#[tokio::test]
async fn a_kept_connection_that_breaks_under_an_idempotent_request_is_invisible() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "connections = 1").await;
    let mut wire = warm(&mesero, &upstream).await;
    let serve = async {
        wire.head().await;
        drop(wire);
        let mut wire = upstream.asked().await;
        wire.answer("again").await;
    };
    let (answer, ()) = tokio::join!(mesero.get("/"), serve);
    assert_eq!(answer.body, "again");
}

#[tokio::test]
async fn a_request_that_may_have_been_acted_on_is_not_sent_twice() {
    let upstream = Upstream::open().await;
    let settings = "connections = 1/retry = { max_attempts = 3, backoff = \"1ms\" }";
    let mesero = behind(&upstream, settings).await;
    let mut wire = warm(&mesero, &upstream).await;
    let serve = async {
        wire.head().await;
        wire.bytes(5).await;
        drop(wire);
    };
    let (answer, ()) = tokio::join!(request(mesero.front, Method::POST, "/", "hello"), serve);
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(answer.json()["type"], "urn:mesero:lost");
    assert_eq!(answer.json()["attempts"], 1);
    assert!(!upstream.has_another().await);
}

#[tokio::test]
async fn what_breaks_is_tried_again_where_the_policy_says_so() {
    let upstream = Upstream::open().await;
    let settings = "request_buffering = true/retry = { max_attempts = 2, backoff = \"1ms\" }";
    let mesero = behind(&upstream, settings).await;
    let serve = async {
        let wire = upstream.asked().await;
        drop(wire);
        let mut wire = upstream.asked().await;
        assert_eq!(wire.bytes(5).await, "hello");
        wire.answer("again").await;
    };
    let (answer, ()) = tokio::join!(request(mesero.front, Method::PUT, "/", "hello"), serve);
    assert_eq!(answer.body, "again");
}

#[tokio::test]
async fn an_answer_that_says_not_now_is_tried_again_and_the_last_one_is_passed_back() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "/retry = { max_attempts = 2, backoff = \"1ms\" }").await;
    let busy = "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n";
    let serve = async {
        let mut wire = upstream.accept().await;
        for answer in [busy, busy, busy] {
            wire.head().await;
            wire.write(answer).await;
        }
        wire.head().await;
        wire.answer("now").await;
    };
    let ask = async {
        let twice = mesero.get("/").await;
        assert_eq!((twice.status.as_u16(), twice.header("retry-after")), (503, "0"));
        assert_eq!(mesero.get("/").await.body, "now");
    };
    tokio::join!(serve, ask);
}

#[tokio::test]
async fn without_a_policy_every_answer_is_passed_back() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "").await;
    let serve = async {
        let mut wire = upstream.accept().await;
        for status in [429, 502, 503, 504] {
            wire.head().await;
            wire.write(format!("HTTP/1.1 {status} No\r\nContent-Length: 2\r\n\r\nno")).await;
        }
    };
    let ask = async {
        for status in [429, 502, 503, 504] {
            let answer = mesero.get("/").await;
            assert_eq!((answer.status.as_u16(), answer.body.as_str()), (status, "no"));
        }
    };
    tokio::join!(serve, ask);
}

#[tokio::test]
async fn a_server_that_closes_every_connection_just_when_it_is_used_again_is_never_seen() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "connections = 1").await;
    let serve = async {
        loop {
            let mut wire = upstream.asked().await;
            wire.answer("good").await;
            // Dropped here, while the next request may be on its way.
        }
    };
    let ask = async {
        let mut client = Wire::to(mesero.front).await;
        for number in 0..1_000 {
            client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
            let head = client.head().await;
            assert!(head.starts_with("HTTP/1.1 200 "), "{number}: {head}");
            assert_eq!(client.bytes(4).await, "good");
        }
    };
    tokio::select! {
        () = serve => {}
        () = ask => {}
    }
}

#[tokio::test]
async fn the_upstreams_own_answer_is_passed_back_whole_where_no_retry_follows() {
    let busy = "HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nX-Own: 1\r\nContent-Length: 4\r\n\r\nbusy";
    for policy in [
        // The deadline leaves no room for the pause that the upstream asks for.
        "retry = { max_attempts = 9, backoff = \"1ms\", max_backoff = \"1h\" }",
        // The budget has ten retries that need not be earned; they are used up first.
        "retry = { max_attempts = 99, backoff = \"1ms\", max_backoff = \"1ms\", budget = 0.001 }",
    ] {
        let upstream = Upstream::open().await;
        let mesero = behind(&upstream, &format!("/{policy}")).await;
        let serve = async {
            let mut wire = upstream.accept().await;
            loop {
                wire.head().await;
                wire.write(busy).await;
            }
        };
        let answer = tokio::select! {
            answer = mesero.get("/") => answer,
            () = serve => unreachable!("it serves for ever"),
        };
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (503, "busy"), "{policy}");
        assert_eq!((answer.header("retry-after"), answer.header("x-own")), ("120", "1"));
    }
}
