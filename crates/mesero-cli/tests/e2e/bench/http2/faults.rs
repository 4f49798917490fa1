//! Failures over HTTP/2: each under its own name, and counted for each request that it ended.

use serde_json::Value;

use super::super::{bench, measure};
use super::{begun, taken};
use crate::certificates::Authority;
use crate::frames::{CANCEL, Frames, INTERNAL_ERROR, NO_ERROR, REFUSED_STREAM};
use crate::harness::{ReservedPort, folder};
use crate::upstream::Upstream;

/// Three clients that share a connection and send one request each.
const THREE: [&str; 8] = ["--http2", "-n", "3", "-c", "3", "--streams", "3", "--json"];

/// One client that sends three requests.
const ONE: [&str; 6] = ["--http2", "-n", "3", "-c", "1", "--json"];

fn is_all(report: &Value, name: &str) {
    assert_eq!((&report["requests"], &report["failed"]), (&3.into(), &3.into()), "{report:#}");
    let count = report["faults"].get(name).unwrap_or(&report[name]);
    assert_eq!(count, 3, "{name}: {report:#}");
}

/// Measures three clients that share a connection; `play` answers when all have sent their requests.
async fn shared<F>(play: impl FnOnce(Frames, Vec<u32>) -> F) -> Value
where
    F: Future<Output = Frames>,
{
    let server = Upstream::open().await;
    let serving = async {
        let mut connection = begun(&server, 100).await;
        let streams = taken(&mut connection, 3).await;
        play(connection, streams).await
    };
    let (measured, _connection) = tokio::join!(measure(server.address(), &THREE), serving);
    assert!(!server.has_another().await);
    measured.json()
}

#[tokio::test]
async fn a_connection_that_ends_before_the_answers_closed_for_all_who_share_it() {
    let server = Upstream::open().await;
    let serving = async {
        let mut connection = begun(&server, 100).await;
        taken(&mut connection, 3).await;
    };
    let (measured, ()) = tokio::join!(measure(server.address(), &THREE), serving);
    is_all(&measured.json(), "closed");
}

#[tokio::test]
async fn a_connection_that_ends_in_the_middle_of_the_answers_cut_all_off() {
    let server = Upstream::open().await;
    let serving = async {
        let mut connection = begun(&server, 100).await;
        for stream in taken(&mut connection, 3).await {
            connection.begin_answer(stream).await;
            connection.piece(stream, b"half").await;
        }
    };
    let (measured, ()) = tokio::join!(measure(server.address(), &THREE), serving);
    is_all(&measured.json(), "cut_off");
}

#[tokio::test]
async fn a_server_that_goes_away_for_a_reason_closed_for_all_whom_it_has_not_heard() {
    let report = shared(async |mut connection: Frames, _| {
        connection.go_away_for(0, INTERNAL_ERROR).await;
        connection
    });
    is_all(&report.await, "closed");
}

#[tokio::test]
async fn streams_that_are_reset_are_refused_or_closed_or_cut_off() {
    for (reason, name) in [(REFUSED_STREAM, "refused_stream"), (INTERNAL_ERROR, "closed")] {
        let report = shared(async |mut connection: Frames, streams| {
            for stream in streams {
                connection.reset(stream, reason).await;
            }
            connection
        });
        is_all(&report.await, name);
    }
    let report = shared(async |mut connection: Frames, streams| {
        for stream in streams {
            connection.begin_answer(stream).await;
            connection.piece(stream, b"half").await;
            connection.reset(stream, CANCEL).await;
        }
        connection
    });
    is_all(&report.await, "cut_off");
}

#[tokio::test]
async fn bodies_of_another_length_than_was_said_are_garbage() {
    for body in [&b"four"[..], b"seven77"] {
        let report = shared(async |mut connection: Frames, streams| {
            for stream in streams {
                connection.begin_answer_of(stream, 5).await;
                connection.last(stream, body).await;
            }
            connection
        });
        is_all(&report.await, "garbage");
    }
}

#[tokio::test]
async fn answers_that_are_broken_off_without_an_error_are_not_taken_for_whole() {
    for says_its_length in [true, false] {
        let report = shared(async |mut connection: Frames, streams| {
            for stream in streams {
                match says_its_length {
                    true => connection.begin_answer_of(stream, 5).await,
                    false => connection.begin_answer(stream).await,
                }
                connection.piece(stream, b"four").await;
                connection.reset(stream, NO_ERROR).await;
            }
            connection
        });
        is_all(&report.await, "cut_off");
    }
}

#[tokio::test]
async fn whole_answers_count_though_the_rest_of_the_request_is_not_wanted() {
    let server = Upstream::open().await;
    // Longer than the default window.
    let body = "x".repeat(100_000);
    let arguments = [&THREE[..], &["--data", &body]].concat();
    let serving = async {
        let mut connection = begun(&server, 100).await;
        for stream in taken(&mut connection, 3).await {
            connection.interim(stream).await;
            connection.answer(stream, "whole").await;
            connection.reset(stream, NO_ERROR).await;
        }
        connection
    };
    let (measured, _connection) = tokio::join!(measure(server.address(), &arguments), serving);
    let report = measured.json();
    assert_eq!((&report["ok"], &report["body_bytes"]), (&3.into(), &15.into()), "{report:#}");
}

#[tokio::test]
async fn a_server_that_answers_in_http1_answers_garbage() {
    let server = Upstream::open().await;
    let address = server.address();
    let serving = async {
        for _ in 0..3 {
            let mut wire = server.accept().await;
            wire.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
            wire.rest().await;
        }
    };
    let (measured, ()) = tokio::join!(measure(address, &ONE), serving);
    let report = measured.json();
    is_all(&report, "garbage");
}

#[tokio::test]
async fn a_server_that_takes_the_preface_and_is_silent_is_given_up_on() {
    let server = Upstream::open().await;
    let arguments = [&THREE[..], &["--timeout", "200ms"]].concat();
    let serving = async {
        let wire = server.accept().await;
        wire.rest().await
    };
    let (measured, _) = tokio::join!(measure(server.address(), &arguments), serving);
    is_all(&measured.json(), "client_timeout");
}

#[tokio::test]
async fn a_port_where_nobody_listens_refused_all_who_wait_for_the_connection() {
    let port = ReservedPort::new();
    is_all(&measure(port.address(), &THREE).await.json(), "refused");
}

#[tokio::test]
async fn a_server_that_does_not_choose_http2_is_a_failure_of_tls() {
    let authority = Authority::new();
    let folder = folder(&[("ca.pem", &authority.pem())]);
    let ca = folder.path().join("ca.pem");
    for offered in [&["http/1.1"][..], &[]] {
        let server = Upstream::open().await;
        let url = format!("https://{}/", server.address());
        let arguments = [&[url.as_str(), "--ca", ca.to_str().unwrap()][..], &ONE].concat();
        let acceptor = authority.server("127.0.0.1", 2099, offered);
        let serving = async {
            for _ in 0..3 {
                // A handshake with another version fails. One without any may succeed for the
                // server, before the client leaves.
                let accepted = acceptor.accept(server.accept().await.into_stream()).await;
                assert!(accepted.is_err() || offered.is_empty());
            }
        };
        let (measured, ()) = tokio::join!(bench(&arguments), serving);
        is_all(&measured.json(), "tls");
    }
}
