//! Workers that die, that cannot start, that make noise.

use http::StatusCode;
use rustix::process::{Signal, kill_process};
use tokio::task::JoinSet;

use crate::client;
use crate::gate::Gate;
use crate::harness::{Mesero, in_phase, process_id};

#[tokio::test]
async fn a_worker_killed_in_the_middle_harms_only_its_own_calls_and_is_replaced() {
    let gate = Gate::open().await;
    let settings = "processes = 2\nthreads = 50/queue = 1000";
    let mesero = Mesero::gated(&gate, "gated", settings).await;
    let mut callers = JoinSet::new();
    let front = mesero.front;
    for num in 0..100 {
        callers.spawn(async move { client::get(front, &format!("/square?num={num}")).await });
    }
    let begun = gate.take(100).await;
    let victim = begun[0].pid;
    let (victims, others): (Vec<_>, Vec<_>) =
        begun.into_iter().partition(|begun| begun.pid == victim);
    assert_eq!((victims.len(), others.len()), (50, 50));
    kill_process(process_id(victim), Signal::KILL).unwrap();
    for begun in victims {
        begun.gone().await;
    }
    for begun in others {
        begun.finish();
    }
    let answers = callers.join_all().await;
    let of = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((of(StatusCode::OK), of(StatusCode::BAD_GATEWAY)), (50, 50));
    let lost = answers.iter().find(|answer| answer.status == StatusCode::BAD_GATEWAY).unwrap();
    assert_eq!(lost.json()["type"], "urn:mesero:lost");

    // It recovers: a hundred calls run at once again, half of them in a new process.
    let mut callers = JoinSet::new();
    for num in 0..100 {
        callers.spawn(async move { client::get(front, &format!("/square?num={num}")).await });
    }
    let begun = gate.take(100).await;
    assert!(begun.iter().all(|begun| begun.pid != victim));
    begun.into_iter().for_each(crate::gate::Begun::finish);
    assert!(callers.join_all().await.iter().all(|answer| answer.status == StatusCode::OK));
}

#[tokio::test]
async fn an_async_worker_killed_in_the_middle_is_replaced_too() {
    let gate = Gate::open().await;
    let mesero = Mesero::gated(&gate, "gated_async", "concurrency = 10").await;
    let kill = async {
        let begun = gate.next().await;
        kill_process(process_id(begun.pid), Signal::KILL).unwrap();
    };
    let (answer, ()) = tokio::join!(mesero.get("/square?num=1"), kill);
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    let play = async { gate.next().await.finish() };
    let (answer, ()) = tokio::join!(mesero.get("/square?num=2"), play);
    assert_eq!(answer.body, "2.0");
}

#[tokio::test]
async fn no_worker_outlives_a_mesero_that_is_killed() {
    let gate = Gate::open().await;
    let mut mesero = Mesero::gated(&gate, "gated", "processes = 3\nthreads = 2").await;
    let mut callers = Vec::new();
    for num in 0..6 {
        callers.push(client::impatient(mesero.front, &format!("/square?num={num}")).await);
    }
    let begun = gate.take(6).await;
    mesero.signal(Signal::KILL);
    mesero.exit().await;
    for begun in begun {
        begun.process.ended().await;
        begun.gone().await;
    }
}

#[tokio::test]
async fn what_the_function_prints_goes_to_the_log_and_not_into_the_answer() {
    let noisy = r#"
import os, sys
print("noise at import")
def noisy(num):
    print("noise on stdout")
    print("noise on stderr", file=sys.stderr)
    os.write(1, b"\x00\x12\xff raw noise\n")
    return num
"#;
    let config = r#"
        [server]
        listen = "127.0.0.1:0"
        control = "127.0.0.1:0"
        [resource.noisy]
        python = "noisy:noisy"
        [[route]]
        path = "/noisy"
        resource = "noisy"
        args = { num = "query:int" }
    "#;
    let mut mesero = Mesero::serve(config, &[("noisy.py", noisy)]).await;
    assert_eq!(mesero.get("/noisy?num=5").await.body, "5");
    for noise in ["noise at import", "noise on stdout", "noise on stderr", "raw noise"] {
        mesero.logged(noise).await;
    }
}

#[tokio::test]
async fn a_limit_below_the_seats_holds() {
    let gate = Gate::open().await;
    let mesero = Mesero::gated(&gate, "gated", "processes = 2\nthreads = 4/limit = 3").await;
    let mut callers = Vec::new();
    for num in 0..5 {
        callers.push(client::impatient(mesero.front, &format!("/square?num={num}")).await);
    }
    let jobs = mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 2).await;
    assert_eq!(in_phase(&jobs, "running"), 3);
    gate.take(3).await;
}
