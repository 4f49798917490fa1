//! Clients that leave, and jobs that are canceled.

use http::{Method, StatusCode};

use crate::client::{self, request};
use crate::gate::Gate;
use crate::harness::{Mesero, in_phase};

#[tokio::test]
async fn a_call_whose_client_leaves_the_queue_never_reaches_python() {
    let gate = Gate::open().await;
    let mesero = Mesero::gated(&gate, "gated", "threads = 1/limit = 1").await;
    let running = client::impatient(mesero.front, "/square?num=1").await;
    let first = gate.next().await;
    let leaving = client::impatient(mesero.front, "/square?num=2").await;
    mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 1).await;
    let _staying = client::impatient(mesero.front, "/square?num=3").await;
    mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 2).await;
    drop(leaving);
    let jobs = mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 1).await;
    assert_eq!(jobs[1]["arguments"]["num"], "3");
    assert_eq!(jobs[1]["position"], 1);
    first.finish();
    assert_eq!(gate.next().await.num, 3.0);
    drop(running);
}

#[tokio::test]
async fn a_queued_job_is_cancelled_by_its_id() {
    let gate = Gate::open().await;
    let mesero = Mesero::gated(&gate, "gated", "threads = 1/limit = 1").await;
    let _running = client::impatient(mesero.front, "/square?num=1").await;
    let first = gate.next().await;
    let waiting = mesero.get("/square?num=2");
    let cancel = async {
        let jobs = mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 1).await;
        let path = format!("/jobs/{}", jobs[1]["id"].as_str().unwrap());
        request(mesero.control, Method::DELETE, &path, "").await
    };
    let (answer, cancelled) = tokio::join!(waiting, cancel);
    assert!(cancelled.status.is_success(), "{cancelled:?}");
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["type"], "urn:mesero:canceled");
    first.finish();
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
    let _third = client::impatient(mesero.front, "/square?num=3").await;
    assert_eq!(gate.next().await.num, 3.0);
}

#[tokio::test]
async fn a_running_async_call_is_cancelled_in_python() {
    let gate = Gate::open().await;
    let mesero = Mesero::gated(&gate, "gated_async", "concurrency = 2").await;
    let waiting = mesero.get("/square?num=1");
    let cancel = async {
        let begun = gate.next().await;
        let jobs = mesero.until_jobs(|jobs| in_phase(jobs, "running") == 1).await;
        let path = format!("/jobs/{}", jobs[0]["id"].as_str().unwrap());
        let cancelled = request(mesero.control, Method::DELETE, &path, "").await;
        begun.gone().await;
        cancelled
    };
    let (answer, cancelled) = tokio::join!(waiting, cancel);
    assert!(cancelled.status.is_success(), "{cancelled:?}");
    assert_eq!(answer.json()["type"], "urn:mesero:canceled");
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
}

#[tokio::test]
async fn a_running_sync_call_that_is_cancelled_keeps_its_slot_until_the_thread_is_free() {
    let gate = Gate::open().await;
    let mesero = Mesero::gated(&gate, "gated", "threads = 2").await;
    let waiting = mesero.get("/square?num=1");
    let cancel = async {
        let begun = gate.next().await;
        let jobs = mesero.until_jobs(|jobs| in_phase(jobs, "running") == 1).await;
        let path = format!("/jobs/{}", jobs[0]["id"].as_str().unwrap());
        request(mesero.control, Method::DELETE, &path, "").await;
        mesero.until_jobs(|jobs| in_phase(jobs, "stopping") == 1).await;
        begun
    };
    let (answer, begun) = tokio::join!(waiting, cancel);
    assert_eq!(answer.json()["type"], "urn:mesero:canceled");
    begun.finish();
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
}

#[tokio::test]
async fn a_sync_function_that_takes_too_long_is_a_504_at_once_and_its_process_is_replaced() {
    let gate = Gate::open().await;
    let mesero = Mesero::gated(&gate, "gated", "threads = 1/timeout = \"200ms\"").await;
    let (answer, begun) = tokio::join!(mesero.get("/square?num=1"), gate.next());
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(answer.json()["type"], "urn:mesero:timed-out-running");
    let pid = begun.pid;
    begun.gone().await;
    let next = async {
        let begun = gate.next().await;
        assert_ne!(begun.pid, pid);
        begun.finish();
    };
    // The timeout holds for this call, too, so its answer depends on the machine.
    tokio::join!(mesero.get("/square?num=2"), next);
}
