//! More callers than the resource can serve.

use std::net::SocketAddr;

use http::StatusCode;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::client::{self, Response};
use crate::gate::{Begun, Gate};
use crate::harness::{Mesero, in_phase};

/// A function that returns when 100 of its calls run, with the number that ran with it.
const TOGETHER: &str = r#"
import threading

barrier, lock, running = threading.Barrier(100), threading.Lock(), 0

def together(num):
    global running
    with lock:
        running += 1
        count = running
    barrier.wait()
    with lock:
        running -= 1
    return count
"#;

const LIMITED: &str = r#"
    [server]
    listen = "127.0.0.1:0"
    control = "127.0.0.1:0"
    [resource.slow]
    python = "together:together"
    threads = 120
    [resource.slow.policy]
    limit = 100
    queue = 1000
    [[route]]
    path = "/slow"
    resource = "slow"
    args = { num = "query:int" }
"#;

/// Responses to so many requests that are sent at once.
async fn at_once(count: usize, front: SocketAddr, path: &'static str) -> Vec<Response> {
    let mut callers = JoinSet::new();
    for num in 0..count {
        callers.spawn(async move { client::get(front, &format!("{path}?num={num}")).await });
    }
    callers.join_all().await
}

#[tokio::test]
async fn a_thousand_callers_are_all_answered_and_never_more_than_the_limit_run() {
    let mesero = Mesero::serve(LIMITED, &[("together.py", TOGETHER)]).await;
    let answers = at_once(1_000, mesero.front, "/slow").await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    let counts = answers.iter().map(|answer| answer.body.parse::<usize>().unwrap());
    assert_eq!(counts.max(), Some(100));
}

#[tokio::test]
async fn what_does_not_fit_the_queue_is_refused_at_once_and_the_rest_is_answered() {
    let gate = Gate::open().await;
    let settings = "threads = 100/limit = 100\nqueue = 50";
    let mesero = Mesero::gated(&gate, "gated", settings).await;
    let play = async {
        let begun = gate.take(100).await;
        mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 50).await;
        // All of these are answered before any of the calls ends.
        for answer in at_once(850, mesero.front, "/square").await {
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(answer.json()["type"], "urn:mesero:queue-full");
            assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
        }
        begun.into_iter().for_each(Begun::finish);
        gate.take(50).await.into_iter().for_each(Begun::finish);
    };
    let (answers, ()) = tokio::join!(at_once(150, mesero.front, "/square"), play);
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK), "{answers:?}");
}

/// Compares them on the same machine at the same time: a busy machine keeps both waiting.
#[tokio::test]
async fn a_refusal_takes_no_longer_than_other_answers_that_need_no_resource() {
    let gate = Gate::open().await;
    let mesero = Mesero::gated(&gate, "gated", "threads = 2/limit = 2\nqueue = 50").await;
    let mut callers = Vec::new();
    for num in 0..52 {
        callers.push(client::impatient(mesero.front, &format!("/square?num={num}")).await);
    }
    mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 50).await;
    let timed = async |path: &str, status: StatusCode| {
        let started = Instant::now();
        assert_eq!(mesero.get(path).await.status, status);
        started.elapsed()
    };
    let (mut refused, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..51 {
        refused.push(timed("/square?num=99", StatusCode::SERVICE_UNAVAILABLE).await);
        unknown.push(timed("/nowhere", StatusCode::NOT_FOUND).await);
    }
    refused.sort_unstable();
    unknown.sort_unstable();
    // Medians, since the machine can delay a single answer. A refusal takes a lock more, and by far
    // not ten times as long; a refusal that waited for anything would take a thousand times.
    assert!(refused[25] < 10 * unknown[25], "{refused:?} {unknown:?}");
}

#[tokio::test]
async fn a_call_that_waits_past_its_deadline_is_a_504_that_says_where() {
    let gate = Gate::open().await;
    // The first call holds its slot for long after its deadline, so that the second one stays queued.
    let settings = "threads = 1\ninterrupt = \"60s\"/limit = 1\ndeadline = \"300ms\"";
    let mesero = Mesero::gated(&gate, "gated", settings).await;
    let (running, queued) = tokio::join!(mesero.get("/square?num=1"), mesero.get("/square?num=2"));
    let mut kinds = [running, queued].map(|answer| {
        assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
        let kind = answer.json()["type"].as_str().unwrap().to_owned();
        // The answer to a call that was not begun says when to come again.
        let waited = kind == "urn:mesero:timed-out-waiting";
        assert_eq!(answer.headers.contains_key("retry-after"), waited);
        kind
    });
    kinds.sort_unstable();
    assert_eq!(kinds, ["urn:mesero:deadline-exceeded", "urn:mesero:timed-out-waiting"]);
}

#[tokio::test]
async fn the_rate_limit_is_a_429_with_the_time_to_come_back() {
    let gate = Gate::open().await;
    let settings = "threads = 4/rate = { rate = \"1/m\", burst = 1 }";
    let mesero = Mesero::gated(&gate, "gated", settings).await;
    let _first = client::impatient(mesero.front, "/square?num=1").await;
    gate.next().await.finish();
    let refused = mesero.get("/square?num=2").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    // Up to a minute, and 25 % at random.
    assert!((1..=75).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn callers_of_the_same_argument_share_one_call_and_a_kept_reply_needs_none() {
    let gate = Gate::open().await;
    let settings = "threads = 4/coalesce = true\ncache = \"60s\"";
    let mesero = Mesero::gated(&gate, "gated", settings).await;
    let ask = async || mesero.get("/square?num=7").await;
    let play = async {
        let begun = gate.next().await;
        mesero.until_jobs(|jobs| jobs.len() == 1 && jobs[0]["waiters"] == 3).await;
        begun.finish();
    };
    let (one, two, three, ()) = tokio::join!(ask(), ask(), ask(), play);
    let answers = [one, two, three];
    assert!(answers.iter().all(|answer| answer.body == "7.0"), "{answers:?}");
    let joined = |answer: &&Response| answer.header("cache-status").contains("collapsed");
    assert_eq!(answers.iter().filter(joined).count(), 2);
    assert!(ask().await.header("cache-status").starts_with("mesero; hit; ttl="));
}
