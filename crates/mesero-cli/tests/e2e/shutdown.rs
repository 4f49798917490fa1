//! Shutdown: first the jobs in flight finish, then everything ends.

use http::StatusCode;
use rustix::process::Signal;

use crate::client;
use crate::gate::Gate;
use crate::harness::{Mesero, in_phase};

#[tokio::test]
async fn sigterm_finishes_what_is_in_refuses_what_is_new_and_exits_with_0() {
    let gate = Gate::open().await;
    let mut mesero = Mesero::gated(&gate, "gated", "threads = 1/limit = 1").await;
    let front = mesero.front;
    let running = client::get(front, "/square?num=1");
    let queued = client::get(front, "/square?num=2");
    let stop = async {
        let first = gate.next().await;
        mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 1).await;
        mesero.signal(Signal::TERM);
        mesero.logged("finishing 2 jobs").await;
        let refused = client::get(front, "/square?num=3").await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.json()["type"], "urn:mesero:draining");
        assert_eq!(refused.header("connection"), "close");
        let ready = client::get(mesero.control, "/readyz").await;
        assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(client::get(mesero.control, "/livez").await.status, StatusCode::OK);
        first.finish();
        gate.next().await.finish();
    };
    let (running, queued, ()) = tokio::join!(running, queued, stop);
    assert_eq!((running.body.as_str(), queued.body.as_str()), ("1.0", "2.0"));
    assert_eq!(mesero.exit().await.code(), Some(0));
}

#[tokio::test]
async fn a_second_signal_stops_at_once() {
    let gate = Gate::open().await;
    let mut mesero = Mesero::gated(&gate, "gated", "threads = 1").await;
    let _caller = client::impatient(mesero.front, "/square?num=1").await;
    let begun = gate.next().await;
    mesero.signal(Signal::INT);
    mesero.logged("finishing 1 job,").await;
    mesero.signal(Signal::INT);
    assert_eq!(mesero.exit().await.code(), Some(130));
    begun.gone().await;
}
