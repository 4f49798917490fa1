//! Workers that have served enough.

use super::*;

/// Functions that say which process they run in.
const TOOLS: &str = r#"
import os
hoard = []
def pid(num=0):
    return os.getpid()
def hoarding(num=0):
    if not hoard:
        hoard.append(b"x" * 150_000_000)
    return os.getpid()
"#;

async fn serve(function: &str, settings: &str) -> Mesero {
    let config = format!(
        r#"
        [server]
        listen = "127.0.0.1:0"
        control = "127.0.0.1:0"
        [resource.square]
        python = "tools:{function}"
        {settings}
        [[route]]
        path = "/"
        resource = "square"
        "#
    );
    Mesero::serve(&config, &[("tools.py", TOOLS)]).await
}

async fn replacements(mesero: &Mesero, reason: &str) -> u64 {
    let metrics = client::get(mesero.control, "/metrics").await.body;
    let name =
        format!("mesero_worker_replacements_total{{resource=\"square\",reason=\"{reason}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)).expect(&metrics).parse().unwrap()
}

#[tokio::test]
async fn processes_change_under_load_and_no_call_notices() {
    let settings = "processes = 2\nthreads = 4\nmax_requests = 50\nmax_requests_jitter = 10";
    let mesero = serve("pid", settings).await;
    let mut callers = JoinSet::new();
    for _ in 0..16 {
        let front = mesero.front;
        callers.spawn(async move {
            let (mut kept, mut pids) = (Kept::open(front).await, BTreeSet::new());
            while pids.len() < 6 {
                let answer = kept.get("/").await;
                assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
                pids.insert(answer.body);
            }
        });
    }
    timeout(HANG_TIMEOUT, callers.join_all()).await.expect("every caller meets six processes");
    nothing_was_dropped(&mesero).await;
    assert!(replacements(&mesero, "max_requests").await >= 4);
}

#[tokio::test]
async fn a_call_that_runs_ends_in_the_old_process_and_the_limit_holds_across_both() {
    let gate = Gate::open().await;
    let settings = "threads = 2\nmax_requests = 1\nmax_requests_jitter = \"off\"";
    let mut mesero = Mesero::gated(&gate, "gated", settings).await;
    let front = mesero.front;
    let call = |num: u32| async move { client::get(front, &format!("/square?num={num}")).await };
    let play = async {
        let long = gate.next().await;
        let (short, ()) = tokio::join!(call(2), async { gate.next().await.finish() });
        assert_eq!(short.body, "2.0");
        mesero.logged("worker took over").await;
        // One seat is the old process's still, so only one call is let into the new one.
        let mut waiting = vec![client::impatient(front, "/square?num=3").await];
        let new = gate.next().await;
        assert_ne!(new.pid, long.pid);
        waiting.push(client::impatient(front, "/square?num=4").await);
        let jobs = mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 1).await;
        assert_eq!(in_phase(&jobs, "running"), 2);
        let old = long.pid;
        let process = Arc::clone(&long.process);
        long.finish();
        let next = gate.next().await;
        assert_eq!(next.pid, new.pid);
        replaced_and_gone(&mut mesero, old, &process).await;
        [new, next].into_iter().for_each(Begun::finish);
        mesero.until_jobs(|jobs| jobs.is_empty()).await;
    };
    let (long, ()) = tokio::join!(call(1), play);
    assert_eq!(long.body, "1.0");
    nothing_was_dropped(&mesero).await;
}

#[tokio::test]
async fn an_async_worker_is_replaced_while_its_calls_go_on() {
    let gate = Gate::open().await;
    let settings = "concurrency = 10\nmax_requests = 1\nmax_requests_jitter = \"off\"";
    let mut mesero = Mesero::gated(&gate, "gated_async", settings).await;
    let front = mesero.front;
    let play = async {
        let long = gate.next().await;
        let short = async { gate.next().await.finish() };
        let (short, ()) = tokio::join!(client::get(front, "/square?num=2"), short);
        assert_eq!(short.body, "2.0");
        mesero.logged("worker took over").await;
        let old = long.pid;
        let process = Arc::clone(&long.process);
        long.finish();
        replaced_and_gone(&mut mesero, old, &process).await;
    };
    let (long, ()) = tokio::join!(client::get(front, "/square?num=1"), play);
    assert_eq!(long.body, "1.0");
    nothing_was_dropped(&mesero).await;
}

#[tokio::test]
async fn a_process_that_has_grown_is_replaced() {
    let mesero = serve("hoarding", "max_memory = \"100MB\"").await;
    let first = mesero.get("/").await.body;
    let calling = async { while mesero.get("/").await.body == first {} };
    timeout(HANG_TIMEOUT, calling).await.expect("another process");
    nothing_was_dropped(&mesero).await;
    assert!(replacements(&mesero, "max_memory").await >= 1);
}

#[tokio::test]
async fn a_process_that_is_old_is_replaced_though_nobody_calls() {
    let mut mesero = serve("pid", "max_age = \"200ms\"").await;
    mesero.logged("reason=max_age").await;
    let line = mesero.logged("worker took over").await;
    let before: u32 =
        line.split("before=").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    replaced_and_gone(&mut mesero, before, &Process::of(before)).await;
    assert_eq!(mesero.get("/").await.status, StatusCode::OK);
    nothing_was_dropped(&mesero).await;
}
