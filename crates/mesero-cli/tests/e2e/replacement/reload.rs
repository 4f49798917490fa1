//! SIGHUP: new code, and no dropped call.

use rustix::process::{Signal, kill_process};
use tokio::sync::watch;

use super::*;
use crate::gate::MODULE;
use crate::harness::process_id;

/// A function and an application that say which version they are.
fn versioned(version: u32) -> String {
    format!(
        r#"
def function(num=0):
    return "version {version}"
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"version {version}"]
"#
    )
}

/// [`MODULE`], of which the import waits at the gate as a call with this number would.
fn waiting(number: i32) -> String {
    format!("{MODULE}\ngated({number})\n")
}

const ROUTES: &str = r#"
    [[route]]
    path = "/square"
    resource = "square"
    reply = "text"
    [[route]]
    path = "/app"
    resource = "app"
"#;

async fn serve() -> Mesero {
    let config = format!(
        r#"
        [server]
        listen = "127.0.0.1:0"
        control = "127.0.0.1:0"
        [resource.square]
        python = "code:function"
        processes = 2
        threads = 4
        [resource.app]
        wsgi = "code:app"
        workers = 2
        threads = 4
        {ROUTES}
        "#
    );
    Mesero::serve(&config, &[("code.py", &versioned(1))]).await
}

/// Calls until `reloaded`, and once more; counts the answers of each call that begins after that
/// and is not answered by new code.
async fn caller(
    front: std::net::SocketAddr,
    (path, keeps): (&'static str, bool),
    reloaded: watch::Receiver<bool>,
    answered: watch::Sender<usize>,
) {
    let mut kept = Kept::open(front).await;
    for number in 0.. {
        let was_reloaded = *reloaded.borrow();
        if !keeps {
            kept = Kept::open(front).await;
        }
        let answer = kept.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        if was_reloaded {
            assert_eq!(answer.body, "version 22");
            return;
        }
        if number == 0 {
            answered.send_modify(|answered| *answered += 1);
        }
    }
}

#[tokio::test]
async fn a_reload_under_two_hundred_callers_drops_none_and_then_all_run_on_new_code() {
    let mut mesero = serve().await;
    let (reloaded, is_reloaded) = watch::channel(false);
    let (answered, mut are_answered) = watch::channel(0);
    let mut callers = JoinSet::new();
    for number in 0..200 {
        let path = if number % 2 == 0 { "/square" } else { "/app" };
        let how = (path, number % 4 < 2);
        callers.spawn(caller(mesero.front, how, is_reloaded.clone(), answered.clone()));
    }
    timeout(HANG_TIMEOUT, are_answered.wait_for(|count| *count == 200)).await.unwrap().unwrap();
    // Of another length, since Python tells files apart by their second and their length.
    mesero.rewrite("code.py", &versioned(22));
    mesero.signal(Signal::HUP);
    mesero.logged(r#"msg="reloaded" processes=4"#).await;
    reloaded.send(true).unwrap();
    timeout(HANG_TIMEOUT, callers.join_all()).await.expect("all are answered by new code");
    mesero.logged_times("another has taken its place", 4).await;
    nothing_was_dropped(&mesero).await;
}

#[tokio::test]
async fn code_that_does_not_start_is_not_served_and_the_log_says_why() {
    let mut mesero = serve().await;
    mesero.rewrite("code.py", "def function(:");
    mesero.signal(Signal::HUP);
    let why = mesero.logged("resource=square").await;
    assert!(why.contains("the old code keeps serving") && why.contains("SyntaxError"), "{why}");
    mesero.logged("some resources were not reloaded: square, app").await;
    assert_eq!(mesero.get("/square").await.body, "version 1");
    assert_eq!(mesero.get("/app").await.body, "version 1");
    mesero.rewrite("code.py", &versioned(22));
    mesero.signal(Signal::HUP);
    mesero.logged(r#"msg="reloaded" processes=4"#).await;
    assert_eq!(mesero.get("/square").await.body, "version 22");
    assert_eq!(mesero.get("/app").await.body, "version 22");
    nothing_was_dropped(&mesero).await;
}

#[tokio::test]
async fn a_call_that_runs_finishes_on_the_old_code_and_then_its_process_ends() {
    let gate = Gate::open().await;
    let mut mesero = Mesero::gated(&gate, "gated", "threads = 2").await;
    let front = mesero.front;
    let play = async {
        let old = gate.next().await;
        mesero.rewrite("gated.py", &MODULE.replace("return num", "return -num"));
        mesero.signal(Signal::HUP);
        mesero.logged(r#"msg="reloaded" processes=1"#).await;
        let new = async { gate.next().await.finish() };
        let (new, ()) = tokio::join!(client::get(front, "/square?num=2"), new);
        assert_eq!(new.body, "-2.0");
        let pid = old.pid;
        let process = Arc::clone(&old.process);
        old.finish();
        replaced_and_gone(&mut mesero, pid, &process).await;
    };
    let (answer, ()) = tokio::join!(client::get(front, "/square?num=1"), play);
    assert_eq!(answer.body, "1.0");
    nothing_was_dropped(&mesero).await;
}

#[tokio::test]
async fn signals_during_a_reload_make_one_more_reload() {
    let gate = Gate::open().await;
    let mut mesero = Mesero::gated(&gate, "gated", "threads = 1").await;
    mesero.rewrite("gated.py", &waiting(-1));
    mesero.signal(Signal::HUP);
    let first = gate.next().await;
    mesero.rewrite("gated.py", &waiting(-22));
    mesero.signal(Signal::HUP);
    mesero.signal(Signal::HUP);
    first.finish();
    let second = gate.next().await;
    assert_eq!(second.num, -22.0);
    mesero.rewrite("gated.py", MODULE);
    second.finish();
    mesero.logged_times(r#"msg="reloaded""#, 2).await;
    let (answer, ()) =
        tokio::join!(mesero.get("/square?num=3"), async { gate.next().await.finish() });
    assert_eq!(answer.body, "3.0");
    nothing_was_dropped(&mesero).await;
}

#[tokio::test]
async fn a_new_worker_that_is_killed_while_it_warms_leaves_the_old_one_in_place() {
    let gate = Gate::open().await;
    let mut mesero = Mesero::gated(&gate, "gated", "threads = 1").await;
    mesero.rewrite("gated.py", &waiting(-1));
    mesero.signal(Signal::HUP);
    let warming = gate.next().await;
    kill_process(process_id(warming.pid), Signal::KILL).unwrap();
    mesero.logged("the old code keeps serving: failed to start a worker").await;
    let front = mesero.front;
    let play = async { gate.next().await.finish() };
    let (answer, ()) = tokio::join!(client::get(front, "/square?num=3"), play);
    assert_eq!(answer.body, "3.0");
    nothing_was_dropped(&mesero).await;
}

#[tokio::test]
async fn a_stop_in_the_middle_of_a_reload_ends_the_old_worker_and_the_one_that_warms() {
    let gate = Gate::open().await;
    let mut mesero = Mesero::gated(&gate, "gated", "threads = 1").await;
    let front = mesero.front;
    let play = async {
        let running = gate.next().await;
        mesero.rewrite("gated.py", &waiting(-1));
        mesero.signal(Signal::HUP);
        let warming = gate.next().await;
        mesero.signal(Signal::TERM);
        mesero.logged("finishing 1 job,").await;
        let old = Arc::clone(&running.process);
        running.finish();
        warming.gone().await;
        old
    };
    let (answer, old) = tokio::join!(client::get(front, "/square?num=1"), play);
    assert_eq!(answer.body, "1.0");
    assert_eq!(mesero.exit().await.code(), Some(0));
    old.ended().await;
}
