//! More callers than the resource bears.

use std::time::Duration;

use http::StatusCode;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::client::{self, Response};
use crate::gate::Gate;
use crate::harness::{Mesero, in_phase, quiet_machine, shared_machine};

/// A function that sleeps a second and answers how many ran with it.
const COUNTED: &str = r#"
import threading, time

lock, running = threading.Lock(), 0

def counted(num):
    global running
    with lock:
        running += 1
        together = running
    time.sleep(1)
    with lock:
        running -= 1
    return together
"#;

fn counted(queue: usize) -> String {
    format!(
        r#"
        [server]
        listen = "127.0.0.1:0"
        control = "127.0.0.1:0"
        [resource.slow]
        python = "counted:counted"
        threads = 100
        [resource.slow.policy]
        limit = 100
        queue = {queue}
        deadline = "60s"
        [[route]]
        path = "/slow"
        resource = "slow"
        args = {{ num = "query:int" }}
        "#
    )
}

/// A thousand callers at once: each one's answer and how long it took.
async fn thousand(mesero: &Mesero) -> Vec<(Response, Duration)> {
    let address = mesero.front;
    let mut callers = JoinSet::new();
    for num in 0..1_000 {
        callers.spawn(async move {
            let started = Instant::now();
            let answer = client::get(address, &format!("/slow?num={num}")).await;
            (answer, started.elapsed())
        });
    }
    callers.join_all().await
}

#[tokio::test]
async fn a_thousand_callers_are_all_answered_and_never_more_than_the_limit_run() {
    let _machine = quiet_machine().await;
    let mesero = Mesero::serve(&counted(1_000), &[("counted.py", COUNTED)]).await;
    let started = Instant::now();
    let answers = thousand(&mesero).await;
    let took = started.elapsed();
    assert!(answers.iter().all(|(answer, _)| answer.status == StatusCode::OK));
    let together = answers.iter().map(|(answer, _)| answer.body.parse::<usize>().unwrap());
    assert_eq!(together.max(), Some(100));
    // Ten rounds of a second, and what a noisy machine adds.
    assert!(took >= Duration::from_secs(10) && took < Duration::from_secs(15), "{took:?}");
}

#[tokio::test]
async fn what_does_not_fit_the_queue_is_refused_at_once_and_the_rest_is_answered() {
    let _machine = quiet_machine().await;
    let mesero = Mesero::serve(&counted(50), &[("counted.py", COUNTED)]).await;
    let answers = thousand(&mesero).await;
    let (served, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|(answer, _)| answer.status == StatusCode::OK);
    assert!(served.len() >= 150, "{}", served.len());
    for (answer, _) in &refused {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.json()["type"], "urn:mesero:queue-full");
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
    assert_eq!(served.len() + refused.len(), 1_000);
    // Nobody is refused only when somebody else has been served.
    let last_refused = refused.iter().map(|(_, took)| *took).max();
    let first_served = served.iter().map(|(_, took)| *took).min();
    assert!(last_refused < first_served, "{last_refused:?} {first_served:?}");
}

#[tokio::test]
async fn a_refusal_takes_less_than_fifty_milliseconds() {
    let _machine = quiet_machine().await;
    let gate = Gate::open().await;
    let mesero = Mesero::gated(&gate, "gated", "threads = 2/limit = 2\nqueue = 50").await;
    let mut callers = Vec::new();
    for num in 0..52 {
        callers.push(client::impatient(mesero.front, &format!("/square?num={num}")).await);
    }
    mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 50).await;
    let mut fastest = Vec::new();
    for _ in 0..20 {
        let started = Instant::now();
        let answer = mesero.get("/square?num=99").await;
        fastest.push(started.elapsed());
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    fastest.sort_unstable();
    // The median, since a single one can be held up by the machine.
    assert!(fastest[10] < Duration::from_millis(50), "{fastest:?}");
}

#[tokio::test]
async fn a_call_that_waits_past_its_deadline_is_a_504_that_says_where() {
    let _machine = shared_machine().await;
    let gate = Gate::open().await;
    let settings = "threads = 1/limit = 1\ndeadline = \"300ms\"";
    let mesero = Mesero::gated(&gate, "gated_async", settings).await;
    let (running, queued) = tokio::join!(mesero.get("/square?num=1"), mesero.get("/square?num=2"));
    let mut kinds = [running, queued].map(|answer| {
        assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
        answer.json()["type"].as_str().unwrap().to_owned()
    });
    kinds.sort_unstable();
    assert_eq!(kinds, ["urn:mesero:deadline-exceeded", "urn:mesero:timed-out-waiting"]);
}

#[tokio::test]
async fn the_rate_limit_is_a_429_with_the_time_to_come_back() {
    let _machine = shared_machine().await;
    let gate = Gate::open().await;
    let settings = "threads = 4/rate = { rate = \"1/m\", burst = 1 }";
    let mesero = Mesero::gated(&gate, "gated", settings).await;
    let _first = client::impatient(mesero.front, "/square?num=1").await;
    gate.next().await.finish();
    let refused = mesero.get("/square?num=2").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn callers_of_the_same_argument_share_one_call_and_a_kept_reply_needs_none() {
    let _machine = shared_machine().await;
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
