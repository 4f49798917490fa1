//! Behavior of clients, and what counts as a success.

use rustix::process::Signal;

use super::{Measured, command, measure};
use crate::harness::{Mesero, output_of, signal};
use crate::upstream::Upstream;

#[tokio::test]
async fn a_client_asks_again_over_its_connection_and_sends_what_it_was_told_to() {
    let server = Upstream::open().await;
    let address = server.address();
    let arguments = [
        "-n",
        "2",
        "-c",
        "1",
        "--data",
        "x=1",
        "-H",
        "X-Colour: red",
        "--json",
        "--expect",
        "ok=2",
    ];
    let serving = async {
        let mut wire = server.accept().await;
        for _ in 0..2 {
            let head = wire.head().await;
            assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
            assert!(head.contains("x-colour: red\r\n"), "{head}");
            assert_eq!(wire.bytes(3).await, "x=1");
            wire.answer("done").await;
        }
    };
    let (measured, ()) = tokio::join!(measure(address, &arguments), serving);
    assert_eq!(measured.code, Some(0), "{}", measured.stderr);
    let report = measured.json();
    assert_eq!((&report["ok"], &report["body_bytes"]), (&2.into(), &8.into()));
    assert_eq!(measured.stderr, "passed: ok=2 (2 of 2)\n");
}

#[tokio::test]
async fn new_connections_are_made_where_they_are_wanted_or_where_the_old_one_was_closed() {
    for arguments in [&["-n", "2", "-c", "1", "--new-connections"][..], &["-n", "2", "-c", "1"]] {
        let server = Upstream::open().await;
        let address = server.address();
        let serving = async {
            for _ in 0..2 {
                let mut wire = server.accept().await;
                let head = wire.head().await;
                assert_eq!(head.contains("connection: close"), arguments.len() == 5);
                // It does not announce that this is the last.
                wire.answer("done").await;
            }
        };
        let (measured, ()) = tokio::join!(measure(address, arguments), serving);
        assert_eq!(measured.code, Some(0), "{}", measured.stdout);
    }
}

#[tokio::test]
async fn an_answer_that_is_not_2xx_is_no_work_done() {
    let server = Upstream::open().await;
    let address = server.address();
    let arguments = ["-n", "2", "-c", "1", "--json"];
    let serving = async {
        let mut wire = server.asked().await;
        wire.answer("done").await;
        wire.head().await;
        wire.write("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").await;
    };
    let (measured, ()) = tokio::join!(measure(address, &arguments), serving);
    assert_eq!(measured.code, Some(1));
    let report = measured.json();
    assert_eq!((&report["ok"], &report["statuses"]["503"]), (&1.into(), &1.into()));
    assert_eq!(report["response_s"]["count"], 1);
}

#[tokio::test]
async fn who_waits_for_a_connection_until_his_patience_ends_was_never_sent() {
    let server = Upstream::open().await;
    let address = server.address();
    let arguments = [
        "--rate",
        "100",
        "--arrivals",
        "uniform",
        "-c",
        "1",
        "-n",
        "5",
        "--timeout",
        "1s",
        "--json",
    ];
    let serving = async {
        let wire = server.asked().await;
        wire.closed().await;
        // The first has timed out, and all others with it but for some that came a little later.
        loop {
            drop(server.asked().await);
        }
    };
    let measured = tokio::select! {
        measured = measure(address, &arguments) => measured,
        () = serving => unreachable!("it serves forever"),
    };
    let report = measured.json();
    let count = |name: &str| report[name].as_u64().unwrap();
    assert_eq!(count("requests"), 5);
    assert_eq!(
        count("client_timeout") + count("unsent") + report["faults"]["closed"].as_u64().unwrap(),
        5
    );
    assert_eq!(count("delayed"), 4);
    assert!(report["response_s"]["p50"]["more_than"].as_f64().unwrap() >= 1.0, "{report:#}");
}

#[tokio::test]
async fn an_interrupted_measurement_tells_what_it_has() {
    let server = Upstream::open().await;
    let url = format!("http://{}/", server.address());
    let child = command(&[&url, "-c", "1", "-d", "1h", "--json"]).spawn().unwrap();
    let mut wire = server.asked().await;
    wire.answer("done").await;
    wire.head().await;
    signal(&child, Signal::INT);
    wire.closed().await;
    let measured: Measured = output_of(child).await.into();
    assert_eq!(measured.code, Some(130));
    let report = measured.json();
    assert_eq!((&report["ok"], &report["interrupted"]), (&1.into(), &true.into()));
}

#[tokio::test]
async fn ten_clients_of_seven_seconds_patience_pass_with_ten_workers_of_five_seconds_and_not_with_five()
 {
    let served = async |limit: &str| {
        let config = format!(
            r#"
            [server]
            listen = "127.0.0.1:0"
            control = "127.0.0.1:0"
            [resource.slow]
            stub = {{ delay = "5s" }}
            [resource.slow.policy]
            limit = {limit}
            [[route]]
            path = "/"
            resource = "slow"
            "#
        );
        Mesero::serve(&config, &[]).await
    };
    let (five, ten) = tokio::join!(served("5"), served("10"));
    let arguments =
        ["-c", "10", "-n", "10", "--timeout", "7s", "--expect", "client_timeout=0", "--json"];
    let (few, enough) =
        tokio::join!(measure(five.front, &arguments), measure(ten.front, &arguments));
    let mut said = few.stderr.lines();
    assert_eq!((few.code, said.next()), (Some(3), Some("failed: client_timeout=0 (5 of 10)")));
    assert!(said.next().unwrap().starts_with("10 workers would pass: a request takes 5."));
    assert_eq!(few.json()["workers"]["needed"], 10);
    assert_eq!((enough.code, &*enough.stderr), (Some(0), "passed: client_timeout=0 (0 of 10)\n"));
}
