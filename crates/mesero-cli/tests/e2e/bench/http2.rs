//! Clients that share connections of HTTP/2.

use rustix::process::Signal;

use super::{Measured, bench, command, measure, url};
use crate::certificates::Authority;
use crate::frames::{Frames, Heard};
use crate::harness::{Mesero, folder, output_of, signal};
use crate::streams::{echo, serve};
use crate::upstream::Upstream;

mod faults;
mod leaving;
mod limits;

/// Accepts the next connection, and grants so many streams on it.
async fn begun(server: &Upstream, streams: u32) -> Frames {
    Frames::begin(server.accept().await, streams).await
}

/// Waits for so many requests, and answers none.
async fn taken(connection: &mut Frames, count: usize) -> Vec<u32> {
    let mut streams = Vec::new();
    for _ in 0..count {
        streams.push(connection.request().await);
    }
    streams
}

#[tokio::test]
async fn twenty_clients_of_whom_five_share_a_connection_open_four() {
    let server = Upstream::open().await;
    let arguments = ["--http2", "-c", "20", "--streams", "5", "-n", "20", "--json"];
    let serving = async {
        let mut held = Vec::new();
        for _ in 0..4 {
            let mut connection = begun(&server, 100).await;
            let streams = taken(&mut connection, 5).await;
            held.push((connection, streams));
        }
        for (connection, streams) in &mut held {
            for stream in streams {
                connection.answer(*stream, "done").await;
            }
        }
        held
    };
    let (measured, _held) = tokio::join!(measure(server.address(), &arguments), serving);
    assert!(!server.has_another().await);
    let report = measured.json();
    assert_eq!((&report["ok"], &report["body_bytes"]), (&20.into(), &80.into()));
    assert_eq!(report["plan"]["http2"]["streams"], 5);
    assert_eq!(measured.code, Some(0), "{}", measured.stderr);
}

#[tokio::test]
async fn clients_who_come_on_their_own_share_connections_as_well() {
    let server = Upstream::open().await;
    let load = ["--rate", "1000", "-c", "4", "--streams", "2", "-n", "4"];
    let arguments = [&["--http2"], &load[..]].concat();
    let serving = async {
        let mut held = Vec::new();
        for _ in 0..2 {
            let mut connection = begun(&server, 100).await;
            let streams = taken(&mut connection, 2).await;
            held.push((connection, streams));
        }
        for (connection, streams) in &mut held {
            for stream in streams {
                connection.answer(*stream, "").await;
            }
        }
        held
    };
    let (measured, _held) = tokio::join!(measure(server.address(), &arguments), serving);
    assert_eq!(measured.code, Some(0), "{}", measured.stdout);
    assert!(
        measured.stdout.contains("up to 4 in flight; HTTP/2, 2 streams a connection"),
        "{}",
        measured.stdout
    );
}

#[tokio::test]
async fn who_wants_new_connections_gets_one_for_each_request() {
    let server = Upstream::open().await;
    let arguments = ["--http2", "-c", "1", "-n", "3", "--new-connections"];
    let serving = async {
        for _ in 0..3 {
            let mut connection = begun(&server, 100).await;
            let stream = connection.request().await;
            connection.answer(stream, "").await;
            connection.closed().await;
        }
    };
    let (measured, ()) = tokio::join!(measure(server.address(), &arguments), serving);
    assert_eq!(measured.code, Some(0), "{}", measured.stdout);
}

#[tokio::test]
async fn who_gives_up_resets_his_stream_and_his_neighbours_have_their_answers() {
    let server = Upstream::open().await;
    let url = url(&server);
    let load = ["-c", "2", "--streams", "2", "-d", "1h", "--timeout", "200ms", "--json"];
    let child = command(&[&[url.as_str(), "--http2"], &load[..]].concat()).spawn().unwrap();
    let mut connection = begun(&server, 100).await;
    let first = connection.request().await;
    let (mut is_reset, mut answered_after) = (false, 0);
    while answered_after < 10 {
        match connection.next().await.expect("the connection stays") {
            Heard::Request(stream) => {
                connection.answer(stream, "done").await;
                answered_after += u32::from(is_reset);
            }
            // Another stream is reset where the machine keeps its answer waiting.
            Heard::Reset(stream) => is_reset |= stream == first,
            other @ Heard::End(_) => panic!("{other:?}"),
        }
    }
    assert!(!server.has_another().await);
    signal(&child, Signal::INT);
    while let Some(heard) = connection.next().await {
        assert!(!matches!(heard, Heard::End(_)), "{heard:?}");
    }
    let measured: Measured = output_of(child).await.into();
    let report = measured.json();
    assert!(report["client_timeout"].as_u64().unwrap() >= 1, "{report:#}");
    assert!(report["ok"].as_u64().unwrap() >= 1, "{report:#}");
}

#[tokio::test]
async fn over_tls_the_server_chooses_http2() {
    let authority = Authority::new();
    let folder = folder(&[("ca.pem", &authority.pem())]);
    let ca = folder.path().join("ca.pem");
    let server = Upstream::open().await;
    let url = format!("https://{}/", server.address());
    let arguments = [&url, "--http2", "--ca", ca.to_str().unwrap(), "-c", "2", "-n", "4", "--json"];
    let acceptor = authority.server("127.0.0.1", 2099, &["h2", "http/1.1"]);
    let serving = async {
        let first = server.accept().await.over_tls(&acceptor).await;
        let second = server.accept().await.over_tls(&acceptor).await;
        tokio::join!(serve(first, echo), serve(second, echo));
        // Both are closed when all is measured.
        std::future::pending::<()>().await;
    };
    let measured = tokio::select! {
        () = serving => panic!("it ended"),
        measured = bench(&arguments) => measured,
    };
    assert_eq!(measured.json()["ok"], 4, "{}", measured.stdout);
}

#[tokio::test]
async fn two_services_of_mesero_are_compared_over_http2_and_their_answers_too() {
    let config = |answer: &str| {
        format!(
            r#"
            [server]
            listen = "127.0.0.1:0"
            control = "127.0.0.1:0"
            [resource.fast]
            command = ["echo", "{answer}"]
            [[route]]
            path = "/"
            resource = "fast"
            "#
        )
    };
    let (one, other) = (config("one"), config("other"));
    let (one, other) = tokio::join!(Mesero::serve(&one, &[]), Mesero::serve(&other, &[]));
    let [one_url, other_url] =
        [("one", &one), ("other", &other)].map(|(name, it)| format!("{name}=http://{}/", it.front));
    let load = ["--http2", "-c", "4", "--streams", "2", "-n", "8", "--rounds", "2"];
    let measured =
        bench(&[&[&*one_url, &*other_url, "--tolerance", "1h", "--json"], &load[..]].concat())
            .await;
    let report = measured.json();
    for target in report["targets"].as_array().unwrap() {
        assert_eq!(target["ok"], 16, "{report:#}");
    }
    assert!(report["comparisons"][0]["answers"]["differ"].is_string(), "{report:#}");
}
