//! Requests that their callers have left: the slot comes back when the upstream has stopped.

use rustix::process::Signal;
use tokio::task::JoinSet;

use super::*;

/// Number of abandoned requests that have stopped in this way.
pub(super) async fn stops(mesero: &Mesero, how: &str) -> usize {
    let metrics = client::get(mesero.control, "/metrics").await.body;
    let of = format!("how=\"{how}\"}} ");
    let line =
        metrics.lines().find(|line| line.starts_with("mesero_stops_total{") && line.contains(&of));
    line.unwrap().rsplit_once(' ').unwrap().1.parse().unwrap()
}

async fn until_stopping(mesero: &Mesero, count: usize) {
    mesero.until_jobs(|jobs| jobs.len() == count && in_phase(jobs, "stopping") == count).await;
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_holds_its_slot_until_the_answer_has_come() {
    for (method, settings) in [("GET", ""), ("POST", ""), ("POST", "request_buffering = true")] {
        let upstream = Upstream::open().await;
        let mesero = behind(&upstream, &format!("connections = 1\n{settings}")).await;
        let head = format!("{method} /1 HTTP/1.1\r\nHost: a\r\n");
        let left = match method {
            "GET" => sent(&mesero, &format!("{head}\r\n")).await,
            _ => sent(&mesero, &format!("{head}Content-Length: 5\r\n\r\nhello")).await,
        };
        let mut wire = upstream.asked().await;
        if method == "POST" {
            assert_eq!(wire.bytes(5).await, "hello");
        }
        drop(left);
        until_stopping(&mesero, 1).await;
        let _patient = sent(&mesero, "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n").await;
        mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 1).await;
        assert!(!upstream.has_another().await);
        wire.answer("too late").await;
        // The connection is used again.
        assert!(wire.head().await.starts_with("GET /2 "), "{method}");
        assert_eq!(stops(&mesero, "by_itself").await, 1);
    }
}

#[tokio::test]
async fn a_canceled_job_holds_its_slot_until_the_answer_has_come() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "").await;
    let cancel = async {
        let wire = upstream.asked().await;
        let id = mesero.jobs().await[0]["id"].as_str().unwrap().to_owned();
        request(mesero.control, Method::DELETE, &format!("/jobs/{id}"), "").await;
        wire
    };
    let (answer, mut wire) = tokio::join!(mesero.get("/"), cancel);
    assert_eq!(answer.json()["type"], "urn:mesero:canceled");
    until_stopping(&mesero, 1).await;
    wire.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n").await;
    until_stopping(&mesero, 1).await;
    wire.write("0\r\n\r\n").await;
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
}

#[tokio::test]
async fn a_connection_that_the_upstream_closes_frees_its_slot() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "").await;
    let left = client::impatient(mesero.front, "/").await;
    let wire = upstream.asked().await;
    drop(left);
    until_stopping(&mesero, 1).await;
    drop(wire);
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
    assert_eq!(stops(&mesero, "by_itself").await, 1);
}

#[tokio::test]
async fn a_hung_upstream_that_comes_back_has_as_many_requests_as_the_limit() {
    for method in [Method::GET, Method::POST] {
        let upstream = Upstream::open().await;
        let settings = "connections = 2/deadline = \"300ms\"";
        let mesero = behind(&upstream, settings).await;
        let mut callers = JoinSet::new();
        for _ in 0..10 {
            let (front, method) = (mesero.front, method.clone());
            callers.spawn(async move { request(front, method, "/", "hello").await.status });
        }
        let (mut one, mut other) = (upstream.asked().await, upstream.asked().await);
        for status in callers.join_all().await {
            assert!(matches!(status.as_u16(), 503 | 504), "{status}");
        }
        until_stopping(&mesero, 2).await;
        assert!(!upstream.has_another().await);
        for wire in [&mut one, &mut other] {
            wire.bytes(5).await;
            wire.answer("late").await;
        }
        mesero.until_jobs(|jobs| jobs.is_empty()).await;
        let serve = async {
            tokio::select! {
                _ = one.head() => one.answer("again").await,
                _ = other.head() => other.answer("again").await,
            }
        };
        let (answer, ()) = tokio::join!(mesero.get("/"), serve);
        assert_eq!(answer.body, "again");
        assert!(!upstream.has_another().await);
    }
}

#[tokio::test]
async fn an_upstream_that_stops_on_disconnect_frees_the_slot_when_it_has_closed_its_side() {
    let upstream = Upstream::open().await;
    let settings = "connections = 1\nstops_on_disconnect = true";
    let mesero = behind(&upstream, settings).await;
    for number in 1..=3 {
        let left = client::impatient(mesero.front, "/").await;
        let mut wire = upstream.asked().await;
        drop(left);
        // The end of the client's side.
        assert_eq!(wire.read(&mut [0; 1]).await, 0);
        until_stopping(&mesero, 1).await;
        drop(wire);
        mesero.until_jobs(|jobs| jobs.is_empty()).await;
        assert_eq!(stops(&mesero, "interrupted").await, number);
    }
}

#[tokio::test]
async fn a_cut_connection_that_the_upstream_does_not_close_is_reset_and_the_slot_gets_a_grace() {
    let upstream = Upstream::open().await;
    let settings = "stops_on_disconnect = true\ncut_grace = \"100ms\"";
    let mesero = behind(&upstream, settings).await;
    let left = client::impatient(mesero.front, "/").await;
    let mut wire = upstream.asked().await;
    drop(left);
    assert_eq!(wire.read(&mut [0; 1]).await, 0);
    // The connection is open for a second more, and then cannot be written to.
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
    wire.written_until_closed().await;
    assert_eq!(stops(&mesero, "assumed").await, 1);
}

#[tokio::test]
async fn an_answer_that_streams_is_cut_off_and_its_sender_notices() {
    for method in ["GET", "POST"] {
        let upstream = Upstream::open().await;
        let mesero = behind(&upstream, "cut_grace = \"100ms\"").await;
        let head = format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut left = sent(&mesero, &head).await;
        let mut wire = upstream.asked().await;
        wire.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n").await;
        left.head().await;
        drop(left);
        wire.written_until_closed().await;
        mesero.until_jobs(|jobs| jobs.is_empty()).await;
    }
}

#[tokio::test]
async fn an_answer_that_is_too_long_to_be_thrown_away_is_cut_off() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "cut_grace = \"100ms\"").await;
    let left = client::impatient(mesero.front, "/").await;
    let mut wire = upstream.asked().await;
    drop(left);
    until_stopping(&mesero, 1).await;
    wire.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n").await;
    wire.written_until_closed().await;
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
    assert_eq!((stops(&mesero, "by_itself").await, stops(&mesero, "assumed").await), (0, 1));
}

#[tokio::test]
async fn what_outlives_the_abandoned_timeout_is_counted_logged_and_shown_as_assumed_stopped() {
    let upstream = Upstream::open().await;
    let mut mesero = behind(&upstream, "connections = 1\nabandoned_timeout = \"300ms\"").await;
    let left = client::impatient(mesero.front, "/1").await;
    let wire = upstream.asked().await;
    drop(left);
    until_stopping(&mesero, 1).await;
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
    assert_eq!(wire.rest().await, "");
    assert_eq!(stops(&mesero, "assumed").await, 1);
    let listed = client::get(mesero.control, "/jobs").await.json();
    assert_eq!(listed["assumed_stopped"]["api"], 1);
    let line = mesero.logged("assumed to have stopped").await;
    assert!(line.contains("level=warn") && line.contains("after_ms=300"), "{line}");
    let serve = async { upstream.asked().await.answer("next").await };
    assert_eq!(tokio::join!(mesero.get("/2"), serve).0.body, "next");
}

#[tokio::test]
async fn a_retry_waits_for_a_slot_of_its_own_while_the_first_attempt_holds_its_own() {
    let upstream = Upstream::open().await;
    let policy = "retry = { max_attempts = 2, backoff = \"1ms\" }";
    let settings = format!("connections = 1\nfirst_byte_timeout = \"50ms\"/{policy}");
    let mesero = behind(&upstream, &settings).await;
    let serve = async {
        let mut wire = upstream.asked().await;
        let waits = |jobs: &[serde_json::Value]| {
            (in_phase(jobs, "stopping"), in_phase(jobs, "queued")) == (1, 1)
        };
        mesero.until_jobs(waits).await;
        assert!(!upstream.has_another().await);
        wire.answer("late").await;
        wire.head().await;
        wire.answer("again").await;
    };
    let (answer, ()) = tokio::join!(mesero.get("/"), serve);
    assert_eq!(answer.body, "again");
}

#[tokio::test]
async fn an_unread_answer_that_is_tried_again_keeps_its_connection() {
    let upstream = Upstream::open().await;
    let policy = "retry = { max_attempts = 2, backoff = \"1ms\" }";
    let mesero = behind(&upstream, &format!("connections = 1/{policy}")).await;
    let serve = async {
        let mut wire = upstream.asked().await;
        wire.write("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy").await;
        wire.head().await;
        wire.answer("now").await;
    };
    let (answer, ()) = tokio::join!(mesero.get("/"), serve);
    assert_eq!(answer.body, "now");
    assert_eq!(stops(&mesero, "by_itself").await, 0);
}

#[tokio::test]
async fn an_upload_that_has_not_ended_at_the_deadline_is_cut_off() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "connections = 1/deadline = \"200ms\"").await;
    let mut slow = Wire::to(mesero.front).await;
    slow.write("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nhel").await;
    let mut wire = upstream.asked().await;
    assert_eq!(wire.bytes(3).await, "hel");
    assert!(slow.head().await.starts_with("HTTP/1.1 504 "));
    wire.closed().await;
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
}

#[tokio::test]
async fn abandoned_requests_do_not_delay_the_end_of_mesero() {
    let upstream = Upstream::open().await;
    let mut mesero = behind(&upstream, "").await;
    let left = client::impatient(mesero.front, "/").await;
    let wire = upstream.asked().await;
    drop(left);
    until_stopping(&mesero, 1).await;
    mesero.signal(Signal::TERM);
    assert_eq!(mesero.exit().await.code(), Some(0));
    wire.closed().await;
}
