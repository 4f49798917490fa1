//! Failures, each under its own name, and none after a longer time than the client's timeout.

use serde_json::Value;
use tokio::net::TcpListener;

use super::{Measured, bench, measure};
use crate::certificates::Authority;
use crate::harness::{ReservedPort, folder};
use crate::upstream::{Upstream, Wire};

/// Three requests of one client: all failed in the same way, and none was an answer.
fn is_all(report: &Value, name: &str) {
    assert_eq!(report["requests"], 3, "{report:#}");
    assert_eq!(report["failed"], 3, "{report:#}");
    let count = report["faults"].get(name).unwrap_or(&report[name]);
    assert_eq!(count, 3, "{name}: {report:#}");
}

const THREE: [&str; 5] = ["-n", "3", "-c", "1", "--json"];

/// Measures a server that plays this part on each of the three connections that it gets.
async fn played(part: impl AsyncFn(Wire), arguments: &[&str]) -> Measured {
    let server = Upstream::open().await;
    let arguments = [&THREE[..], arguments].concat();
    let serving = async {
        for _ in 0..3 {
            part(server.accept().await).await;
        }
    };
    let (measured, ()) = tokio::join!(measure(server.address(), &arguments), serving);
    measured
}

#[tokio::test]
async fn a_port_where_nobody_listens_refused() {
    let port = ReservedPort::new();
    let measured = measure(port.address(), &THREE).await;
    assert_eq!(measured.code, Some(1));
    is_all(&measured.json(), "refused");
}

#[tokio::test]
async fn a_host_that_nobody_knows_is_unknown() {
    let url = "http://no-such-host.invalid/";
    let measured = bench(&[&[url][..], &THREE].concat()).await;
    is_all(&measured.json(), "unknown_host");
}

#[tokio::test]
async fn a_server_that_closes_without_a_word_closed() {
    let measured = played(async |mut wire| drop(wire.head().await), &[]).await;
    is_all(&measured.json(), "closed");
}

#[tokio::test]
async fn a_server_that_closes_in_the_middle_of_its_answer_cut_it_off() {
    let part = async |mut wire: Wire| {
        wire.head().await;
        wire.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
    };
    is_all(&played(part, &[]).await.json(), "cut_off");
}

#[tokio::test]
async fn a_server_that_speaks_no_http_answers_garbage() {
    let part = async |mut wire: Wire| {
        wire.write("SSH-2.0-OpenSSH_9.2\r\n").await;
        wire.rest().await;
    };
    is_all(&played(part, &[]).await.json(), "garbage");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_on_when_patience_ends_and_sees_its_client_leave() {
    let part = async |mut wire: Wire| {
        wire.head().await;
        wire.closed().await;
    };
    let measured = played(part, &["--timeout", "200ms", "--expect", "client_timeout=0"]).await;
    let report = measured.json();
    is_all(&report, "client_timeout");
    let p50 = report["response_s"]["p50"]["more_than"].as_f64().unwrap();
    assert!(p50 >= 0.2, "{p50}");
    assert_eq!(measured.code, Some(3));
    let said: Vec<_> = measured.stderr.lines().collect();
    assert_eq!(said[0], "failed: client_timeout=0 (3 of 3)");
    assert!(said[1].starts_with("no request was answered within 200 ms"), "{}", said[1]);
}

#[tokio::test]
async fn a_socket_that_accepts_nobody_is_given_up_on_as_well() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let arguments = [&THREE[..], &["--timeout", "200ms"]].concat();
    let measured = measure(listener.local_addr().unwrap(), &arguments).await;
    is_all(&measured.json(), "client_timeout");
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_is_a_failure_of_tls() {
    let (trusted, other) = (Authority::new(), Authority::new());
    let server = Upstream::open().await;
    let acceptor = other.server("127.0.0.1", 2099, &["http/1.1"]);
    let serving = async {
        for _ in 0..3 {
            let stream = server.accept().await.into_stream();
            assert!(acceptor.accept(stream).await.is_err());
        }
    };
    let (measured, ()) = tokio::join!(over_tls(&server, &trusted), serving);
    is_all(&measured.json(), "tls");
}

/// Measures a server over TLS; certificates of this authority are trusted.
async fn over_tls(server: &Upstream, trusted: &Authority) -> Measured {
    let folder = folder(&[("ca.pem", &trusted.pem())]);
    let ca = folder.path().join("ca.pem");
    let url = format!("https://{}/", server.address());
    let trusting = [url.as_str(), "--ca", ca.to_str().unwrap(), "--tolerance", "1h"];
    bench(&[&trusting[..], &THREE].concat()).await
}

#[tokio::test]
async fn a_server_that_is_trusted_is_measured_over_tls() {
    let authority = Authority::new();
    let server = Upstream::open().await;
    let acceptor = authority.server("127.0.0.1", 2099, &["http/1.1"]);
    let serving = async {
        let mut wire = server.accept().await.over_tls(&acceptor).await;
        for _ in 0..3 {
            wire.head().await;
            wire.answer("well").await;
        }
    };
    let (measured, ()) = tokio::join!(over_tls(&server, &authority), serving);
    assert_eq!(measured.json()["ok"], 3, "{}", measured.stdout);
}
