//! Answers of every shape.

use super::*;

#[tokio::test]
async fn answers_without_a_body_keep_their_fields_and_the_connection() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "").await;
    let serve = async {
        let mut wire = upstream.accept().await;
        for answer in [
            "200 OK\r\nContent-Length: 5",
            "200 OK\r\nTransfer-Encoding: chunked",
            "204 No Content",
            "304 Not Modified\r\nContent-Length: 5\r\nETag: \"a\"",
        ] {
            wire.head().await;
            wire.write(format!("HTTP/1.1 {answer}\r\n\r\n")).await;
        }
        assert!(!upstream.has_another().await);
    };
    let ask = async {
        let mut client = Wire::to(mesero.front).await;
        let mut heads = Vec::new();
        for method in ["HEAD", "HEAD", "GET", "GET"] {
            client.write(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            heads.push(client.head().await);
        }
        let length: Vec<_> = heads.iter().map(|head| field(head, "content-length")).collect();
        // A 304 may leave it out (RFC 9110, 15.4.5).
        assert_eq!(length, [Some("5"), None, None, None], "{heads:?}");
        assert_eq!(field(&heads[3], "etag"), Some("\"a\""));
    };
    tokio::join!(serve, ask);
}

#[tokio::test]
async fn an_answer_that_comes_before_the_request_has_ended_is_passed_back() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "connections = 1").await;
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nhello";
    let mut client = sent(&mesero, head).await;
    let mut wire = upstream.asked().await;
    wire.write("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno").await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
    assert_eq!(field(&head, "connection"), Some("close"));
    assert_eq!(client.bytes(2).await, "no");
    // Its connection cannot be used again, and its slot is free.
    assert_eq!(wire.bytes(5).await, "hello");
    wire.closed().await;
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
}

#[tokio::test]
async fn a_body_without_a_length_ends_with_the_connection() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "").await;
    let serve = async {
        let mut wire = upstream.asked().await;
        wire.write("HTTP/1.0 200 OK\r\n\r\nto the end").await;
    };
    let (answer, ()) = tokio::join!(mesero.get("/"), serve);
    assert_eq!(answer.body, "to the end");
    assert_eq!(answer.header("via"), "1.0 mesero");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_passed_back_as_whole() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "").await;
    let serve = async {
        let mut wire = upstream.asked().await;
        wire.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n").await;
        drop(wire);
        let mut wire = upstream.asked().await;
        wire.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhel").await;
    };
    let ask = async {
        for _ in 0..2 {
            let answer = client::try_request(mesero.front, Method::GET, "/", "").await;
            assert!(answer.is_err(), "{answer:?}");
        }
    };
    tokio::join!(ask, serve);
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
}

#[tokio::test]
async fn an_upstream_that_stops_within_its_answer_is_given_up_and_the_client_sees_the_break() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "stall_timeout = \"20ms\"").await;
    for head in ["Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", "Content-Length: 6\r\n\r\nhel"] {
        let mut client = sent(&mesero, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let mut wire = upstream.asked().await;
        wire.write(format!("HTTP/1.1 200 OK\r\n{head}")).await;
        assert!(client.head().await.starts_with("HTTP/1.1 200 "));
        wire.closed().await;
        let rest = client.rest().await;
        assert!(["3\r\nhel\r\n", "hel"].contains(&rest.as_str()), "{rest}");
    }
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
}

#[tokio::test]
async fn what_is_not_http_is_a_502() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "").await;
    let serve = async {
        let mut wire = upstream.asked().await;
        wire.write("SSH-2.0-OpenSSH_9.2\r\n\r\n").await;
    };
    let (answer, ()) = tokio::join!(mesero.get("/"), serve);
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(answer.body.contains("not HTTP/1.1"), "{}", answer.body);
}

#[tokio::test]
async fn what_an_upstream_says_before_its_answer_is_not_the_answer() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "").await;
    let serve = async {
        let mut wire = upstream.asked().await;
        let early = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
        wire.write(early).await;
        wire.answer("the answer").await;
        wire.head().await;
        wire.answer("on the same connection").await;
    };
    let ask = async {
        let answer = mesero.get("/").await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "the answer"));
        assert_eq!(mesero.get("/").await.body, "on the same connection");
    };
    tokio::join!(serve, ask);
}

#[tokio::test]
async fn an_upstream_that_switches_protocols_unasked_is_a_502() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "").await;
    let serve = async {
        let mut wire = upstream.asked().await;
        let switching =
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n";
        wire.write(switching).await;
        wire.rest().await;
    };
    let (answer, ()) = tokio::join!(mesero.get("/"), serve);
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn trailers_are_passed_on_both_ways() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "").await;
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE, close\r\n";
    let mut client = sent(&mesero, head).await;
    client.write("Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.write("3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n").await;
    let mut wire = upstream.accept().await;
    let head = wire.head().await;
    assert_eq!((field(&head, "te"), field(&head, "connection")), (Some("trailers"), Some("TE")));
    let sent = "3\r\nabc\r\n0\r\nx-sum: 6\r\n\r\n";
    assert_eq!(wire.bytes(sent.len()).await.to_lowercase(), sent);
    let answer = "HTTP/1.1 200 OK\r\nTrailer: X-Last\r\nTransfer-Encoding: chunked\r\n\r\n";
    wire.write(format!("{answer}1\r\nx\r\n0\r\nX-Last: y\r\n\r\n")).await;
    let rest = client.rest().await;
    assert!(rest.to_lowercase().ends_with("\r\n\r\n1\r\nx\r\n0\r\nx-last: y\r\n\r\n"), "{rest}");
}
