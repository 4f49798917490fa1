//! Requests that are passed on to an HTTP server.

use http::{Method, StatusCode};

use crate::client::{self, Response, request};
use crate::harness::{Mesero, ReservedPort, in_phase};
use crate::upstream::{Upstream, Wire, field};

mod abandoned;
mod answers;
mod connections;
mod continuing;
mod crowd;
mod example;
mod http2;
mod retries;
mod streaming;
mod tls;

async fn behind(upstream: &Upstream, settings: &str) -> Mesero {
    Mesero::serve(&upstream.behind(settings), &[]).await
}

/// A client that has sent this request.
async fn sent(mesero: &Mesero, head: &str) -> Wire {
    let mut client = Wire::to(mesero.front).await;
    client.write(head).await;
    client
}

#[tokio::test]
async fn a_request_is_passed_on_whole_and_its_answer_comes_back_unchanged() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "/deadline = \"60s\"").await;
    let serve = async {
        let mut wire = upstream.accept().await;
        let head = wire.head().await;
        assert_eq!(wire.bytes(5).await, "hello");
        let jobs = mesero.jobs().await;
        assert_eq!(jobs[0]["arguments"]["method"], "POST");
        assert_eq!(jobs[0]["arguments"]["path"], "/a%20b/c");
        wire.write("HTTP/1.1 418 Short and Stout\r\nX-Own: 1\r\nKeep-Alive: timeout=5\r\n").await;
        wire.write("Server-Timing: db;dur=1\r\nContent-Length: 3\r\n\r\ntea").await;
        head
    };
    let asking = request(mesero.front, Method::POST, "/a%20b/c?q=%31", "hello");
    let (answer, head) = tokio::join!(asking, serve);
    assert_eq!(head.lines().next(), Some("POST /a%20b/c?q=%31 HTTP/1.1"));
    assert_eq!(field(&head, "host"), Some(upstream.address().to_string().as_str()));
    assert_eq!(field(&head, "x-forwarded-host"), Some(mesero.front.to_string().as_str()));
    assert_eq!(field(&head, "via"), Some("1.1 mesero"));
    assert_eq!(field(&head, "content-length"), Some("5"));
    assert_eq!(field(&head, "x-request-id"), Some(answer.header("x-request-id")));
    let left: u64 = field(&head, "mesero-deadline-ms").unwrap().parse().unwrap();
    assert!(left <= 60_000, "{left}");
    assert_eq!(answer.status, StatusCode::IM_A_TEAPOT);
    assert_eq!((answer.header("x-own"), answer.header("via")), ("1", "1.1 mesero"));
    assert_eq!((answer.header("keep-alive"), answer.body.as_str()), ("", "tea"));
    let timings: Vec<_> = answer.headers.get_all("server-timing").iter().collect();
    assert_eq!(timings.len(), 2, "{timings:?}");
}

#[tokio::test]
async fn an_upstream_gets_what_is_left_of_the_deadline_that_the_client_has_lowered() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "/deadline = \"1h\"").await;
    let head = "GET / HTTP/1.1\r\nHost: a\r\nMesero-Deadline-Ms: 60000\r\n\r\n";
    let mut client = sent(&mesero, head).await;
    let mut wire = upstream.accept().await;
    let head = wire.head().await;
    let left: u64 = field(&head, "mesero-deadline-ms").unwrap().parse().unwrap();
    assert!(left <= 60_000, "{left}");
    wire.answer("").await;
    assert!(client.head().await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_path_loses_its_prefix_and_gets_the_base_and_the_host_can_be_kept() {
    let upstream = Upstream::open().await;
    let address = upstream.address();
    let config = upstream
        .behind("preserve_host = true")
        .replace(&address.to_string(), &format!("{address}/v1/"))
        .replace("path = \"/{*rest}\"", "path = \"/api/{*rest}\"\nstrip_prefix = \"/api\"");
    let mesero = Mesero::serve(&config, &[]).await;
    let serve = async {
        let mut wire = upstream.accept().await;
        let mut heads = Vec::new();
        for _ in 0..2 {
            heads.push(wire.head().await);
            wire.answer("").await;
        }
        heads
    };
    let ask = async {
        assert_eq!(request(mesero.front, Method::DELETE, "/api/users/7", "").await.status, 200);
        assert_eq!(mesero.get("/api/?all").await.status, 200);
        assert_eq!(mesero.get("/api").await.status, 404);
    };
    let (heads, ()) = tokio::join!(serve, ask);
    assert!(heads[0].starts_with("DELETE /v1/users/7 HTTP/1.1\r\n"), "{heads:?}");
    assert!(heads[1].starts_with("GET /v1/?all HTTP/1.1\r\n"), "{heads:?}");
    assert_eq!(field(&heads[0], "host"), Some(mesero.front.to_string().as_str()));
}

#[tokio::test]
async fn a_request_for_another_protocol_is_refused() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "").await;
    let head = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    let mut client = sent(&mesero, head).await;
    assert!(client.head().await.starts_with("HTTP/1.1 501 "));
    assert!(!upstream.has_another().await);
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_a_502() {
    let port = ReservedPort::new();
    let config = Upstream::at(port.address()).await.behind("");
    let mesero = Mesero::serve(&config, &[]).await;
    let answer = mesero.get("/").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(answer.json()["type"], "urn:mesero:unreachable");
}

#[tokio::test]
async fn every_address_of_a_name_is_tried() {
    // Nothing listens on ::1 at this port, which is the first or the second address of the name.
    let port = ReservedPort::new();
    let upstream = Upstream::at(port.address()).await;
    let (address, name) = (upstream.address(), "localhost");
    let named = format!("http://{name}:{}", address.port());
    let config = upstream.behind("").replace(&format!("http://{address}"), &named);
    let mesero = Mesero::serve(&config, &[]).await;
    let serve = async {
        let mut wire = upstream.accept().await;
        let head = wire.head().await;
        wire.answer("found").await;
        head
    };
    let (answer, head) = tokio::join!(mesero.get("/"), serve);
    assert_eq!(answer.body, "found");
    assert_eq!(field(&head, "host"), named.strip_prefix("http://"));
}

#[tokio::test]
async fn an_upstream_that_does_not_begin_to_answer_is_given_up() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "first_byte_timeout = \"10ms\"").await;
    let (answer, mut wire) = tokio::join!(mesero.get("/"), upstream.asked());
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(answer.json()["detail"].as_str().unwrap().contains("10ms"), "{}", answer.body);
    // It still works on the request.
    mesero.until_jobs(|jobs| in_phase(jobs, "stopping") == 1).await;
    wire.answer("late").await;
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
}
