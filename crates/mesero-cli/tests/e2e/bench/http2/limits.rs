//! Limits of streams that the server sets, and bodies in the windows of both sides.

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{Request, Response};

use super::super::measure;
use super::begun;
use crate::frames::Heard;
use crate::streams::{echo, send, serve};
use crate::upstream::Upstream;

#[tokio::test]
async fn a_server_is_sent_no_more_at_once_than_it_takes_and_that_is_told() {
    let server = Upstream::open().await;
    let arguments = ["--http2", "-c", "2", "--streams", "2", "-n", "3", "--json"];
    let serving = async {
        let mut connection = begun(&server, 1).await;
        for _ in 0..3 {
            let stream = connection.request().await;
            connection.answer(stream, "").await;
        }
        connection
    };
    let (measured, _connection) = tokio::join!(measure(server.address(), &arguments), serving);
    let report = measured.json();
    assert_eq!(report["ok"], 3, "{report:#}");
    let note = "The server allows 1 concurrent stream on a connection, which 2 clients share; the time that a request \
                waits for a stream counts.";
    assert_eq!(report["notes"], serde_json::json!([note]));
}

#[tokio::test]
async fn who_gives_up_while_he_waits_for_a_stream_hinders_nobody() {
    let server = Upstream::open().await;
    let load = ["-c", "10", "--streams", "10", "-n", "20", "--timeout", "1s", "--json"];
    let arguments = [&["--http2"], &load[..]].concat();
    let serving = async {
        let mut connection = begun(&server, 1).await;
        let first = connection.request().await;
        connection.heard(|heard| heard == Heard::Reset(first)).await;
        let mut answered = 0;
        while let Some(heard) = connection.next().await {
            if let Heard::Request(stream) = heard {
                connection.answer(stream, "").await;
                answered += 1;
            }
        }
        answered
    };
    let (measured, answered) = tokio::join!(measure(server.address(), &arguments), serving);
    assert!(!server.has_another().await);
    let report = measured.json();
    assert_eq!((&report["requests"], &report["failed"]), (&20.into(), &report["client_timeout"]));
    // An answer is too late where the machine keeps it waiting.
    let ok: u64 = report["ok"].as_u64().unwrap();
    assert!((1..=answered).contains(&ok), "{answered} answers: {report:#}");
}

#[tokio::test]
async fn bodies_that_are_longer_than_what_is_taken_at_once_and_trailers_are_whole() {
    let server = Upstream::open().await;
    let body = "x".repeat(100_000);
    let arguments = ["--http2", "-c", "4", "--streams", "4", "-n", "20", "--json", "--data", &body];
    // It ends with the connection, which is closed at the end of the measurement.
    let serving = async { serve(server.accept().await, echo).await };
    let (measured, ()) = tokio::join!(measure(server.address(), &arguments), serving);
    let report = measured.json();
    let bytes = 20 * body.len();
    assert_eq!((&report["ok"], &report["body_bytes"]), (&20.into(), &bytes.into()), "{report:#}");
}

#[tokio::test]
async fn answers_that_are_longer_than_what_may_be_under_way_are_whole() {
    let server = Upstream::open().await;
    let arguments = ["--http2", "-c", "4", "--streams", "4", "-n", "8", "--json"];
    let serving = async { serve(server.accept().await, long).await };
    let (measured, ()) = tokio::join!(measure(server.address(), &arguments), serving);
    let report = measured.json();
    let bytes = 8 * LONG.len();
    assert_eq!((&report["ok"], &report["body_bytes"]), (&8.into(), &bytes.into()), "{report:#}");
}

/// Longer than the window of a stream.
static LONG: [u8; 3 << 20] = [0; 3 << 20];

async fn long(_request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let head = Response::builder().header("content-length", LONG.len());
    let Ok(mut body) = respond.send_response(head.body(()).unwrap(), false) else { return };
    if send(&mut body, Bytes::from_static(&LONG)).await {
        let _ = body.send_data(Bytes::new(), true);
    }
}
