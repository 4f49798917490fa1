//! Clients that time out, and servers that go away, connection by connection.

use super::super::measure;
use super::{begun, taken};
use crate::frames::Heard;
use crate::upstream::Upstream;

#[tokio::test]
async fn what_a_server_that_goes_away_has_not_looked_at_is_asked_over_a_new_connection() {
    let server = Upstream::open().await;
    let arguments = ["--http2", "-c", "2", "--streams", "2", "-n", "2", "--json"];
    let serving = async {
        let mut old = begun(&server, 100).await;
        let streams = taken(&mut old, 2).await;
        old.go_away(streams[0]).await;
        let mut new = begun(&server, 100).await;
        let again = new.request().await;
        new.answer(again, "elsewhere").await;
        old.answer(streams[0], "finished").await;
        old.closed().await;
        new
    };
    let (measured, _new) = tokio::join!(measure(server.address(), &arguments), serving);
    let report = measured.json();
    assert_eq!((&report["ok"], &report["failed"]), (&2.into(), &0.into()), "{report:#}");
}

#[tokio::test]
async fn who_waits_for_a_stream_of_a_server_that_goes_away_asks_elsewhere_at_once() {
    let server = Upstream::open().await;
    let arguments = ["--http2", "-c", "2", "--streams", "2", "-n", "2", "--json"];
    let serving = async {
        let mut old = begun(&server, 1).await;
        let stream = old.request().await;
        old.go_away(stream).await;
        let mut new = begun(&server, 1).await;
        let again = new.request().await;
        new.answer(again, "").await;
        old.answer(stream, "").await;
        old.closed().await;
        new
    };
    let (measured, _new) = tokio::join!(measure(server.address(), &arguments), serving);
    assert_eq!(measured.json()["ok"], 2, "{}", measured.stdout);
}

/// A server does this while it does not know yet which requests are on their way (RFC 9113, 6.8).
#[tokio::test]
async fn a_server_that_goes_away_in_two_steps_loses_nothing() {
    let server = Upstream::open().await;
    let arguments = ["--http2", "-c", "2", "--streams", "2", "-n", "3", "--json"];
    let serving = async {
        let mut old = begun(&server, 100).await;
        let streams = taken(&mut old, 2).await;
        old.go_away(i32::MAX.cast_unsigned()).await;
        old.answer(streams[0], "").await;
        let mut new = begun(&server, 100).await;
        let third = new.request().await;
        old.go_away(streams[1]).await;
        old.answer(streams[1], "").await;
        old.closed().await;
        new.answer(third, "").await;
        new
    };
    let (measured, _new) = tokio::join!(measure(server.address(), &arguments), serving);
    assert_eq!(measured.json()["ok"], 3, "{}", measured.stdout);
}

#[tokio::test]
async fn a_server_that_takes_one_request_over_each_connection_is_asked_for_all() {
    let server = Upstream::open().await;
    let arguments = ["--http2", "-c", "3", "--streams", "3", "-n", "3", "--json"];
    let serving = async {
        let mut held = Vec::new();
        for _ in 0..3 {
            let mut connection = begun(&server, 100).await;
            let stream = connection.request().await;
            connection.answer(stream, "").await;
            connection.go_away(stream).await;
            held.push(connection);
        }
        held
    };
    let (measured, _held) = tokio::join!(measure(server.address(), &arguments), serving);
    assert_eq!(measured.json()["ok"], 3, "{}", measured.stdout);
}

#[tokio::test]
async fn answers_for_those_who_have_given_up_do_not_end_the_connection() {
    // Many answers, and many pieces of few.
    for (clients, requests, pieces) in [("100", 1_400, 1), ("1", 30, 100)] {
        let server = Upstream::open().await;
        let count = requests.to_string();
        let load = ["-c", clients, "--streams", clients, "-n", &count, "--timeout", "50ms"];
        let arguments = [&["--http2", "--json"], &load[..]].concat();
        let serving = async {
            let mut connection = begun(&server, 1_000).await;
            while let Some(heard) = connection.next().await {
                if let Heard::Reset(stream) = heard {
                    connection.begin_answer(stream).await;
                    for _ in 0..pieces {
                        connection.piece(stream, b"x").await;
                    }
                }
            }
        };
        let (measured, ()) = tokio::join!(measure(server.address(), &arguments), serving);
        assert!(!server.has_another().await);
        assert_eq!(measured.json()["client_timeout"], requests, "{}", measured.stdout);
    }
}
