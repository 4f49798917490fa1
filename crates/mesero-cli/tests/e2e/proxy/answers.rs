//! Answers of every shape.

use super::*;

#[tokio::test]
async fn answers_without_a_body_keep_their_fields_and_the_connection() {
    let _machine = shared_machine().await;
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
    let _machine = shared_machine().await;
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "connections = 1").await;
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nhello";
    let mut client = sent(&mesero, head).await;
    let mut wire = upstream.accept().await;
    wire.head().await;
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
    let _machine = shared_machine().await;
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "").await;
    let serve = async {
        let mut wire = upstream.accept().await;
        wire.head().await;
        wire.write("HTTP/1.0 200 OK\r\n\r\nto the end").await;
    };
    let (answer, ()) = tokio::join!(mesero.get("/"), serve);
    assert_eq!(answer.body, "to the end");
    assert_eq!(answer.header("via"), "1.0 mesero");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_passed_back_as_whole() {
    let _machine = shared_machine().await;
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "").await;
    let serve = async {
        let mut wire = upstream.accept().await;
        wire.head().await;
        wire.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n").await;
    };
    let asking = client::try_request(mesero.front, Method::GET, "/", "");
    let (answer, ()) = tokio::join!(asking, serve);
    assert!(answer.is_err(), "{answer:?}");
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
}

#[tokio::test]
async fn an_upstream_that_stops_within_its_answer_is_given_up_and_the_client_sees_the_break() {
    let _machine = shared_machine().await;
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "stall_timeout = \"20ms\"").await;
    for head in ["Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", "Content-Length: 6\r\n\r\nhel"] {
        let mut client = sent(&mesero, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let mut wire = upstream.accept().await;
        wire.head().await;
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
    let _machine = shared_machine().await;
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "").await;
    let serve = async {
        let mut wire = upstream.accept().await;
        wire.head().await;
        wire.write("SSH-2.0-OpenSSH_9.2\r\n\r\n").await;
    };
    let (answer, ()) = tokio::join!(mesero.get("/"), serve);
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(answer.body.contains("not HTTP/1.1"), "{}", answer.body);
}
