//! Calls that do not stop by themselves, after their clients have left.

use http::{Method, StatusCode};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::client::{self, request};
use crate::gate::{self, Gate};
use crate::harness::{HANG_TIMEOUT, Mesero, in_phase, program, until, venv};

/// Functions whose argument selects what they do; all print when they begin.
const WORK: &str = r#"
import asyncio, hashlib, os, re, time
import gated

def work(what):
    if what == "gated":
        return gated.gated(0)
    if what == "pid":
        return os.getpid()
    print("began", what)
    return globals()[what]()

def spin():
    try:
        while True:
            pass
    finally:
        print("tidied up")

def sleep():
    time.sleep(600)

def native():
    hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 2**31 - 1)

def locked():
    re.match("(a+)+$", "a" * 64 + "b")  # Keeps the interpreter's lock.

async def tasks(what):
    if what == "pid":
        return os.getpid()
    print("began", what)
    if what == "blocks":
        time.sleep(600)
    while True:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            if what == "waits":
                raise

def app(environ, start_response):
    what = environ["PATH_INFO"].strip("/")
    if what != "pid":
        print("began", what)
        globals()[what]()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % os.getpid()]

def flask_app():
    import flask
    app = flask.Flask("work")
    @app.get("/<what>")
    def view(what):
        return str(work(what))
    return app
"#;

/// Time for a call to yield: far more than a call takes that yields at all.
const INTERRUPT: &str = "interrupt = \"2s\"";
/// For calls that never yield.
const SHORT_INTERRUPT: &str = "interrupt = \"200ms\"";

/// A mesero that serves the functions, or an application.
struct Work {
    mesero: Mesero,
}

impl Work {
    async fn serve(settings: &str) -> Self {
        Self::gated(settings, 0).await
    }

    async fn gated(settings: &str, gate: u16) -> Self {
        // A path has slashes too.
        let (resource, policy) = settings.rsplit_once('/').unwrap_or((settings, ""));
        let route = match resource.contains("wsgi = ") {
            true => "path = \"/{*what}\"\nresource = \"work\"",
            false => {
                "path = \"/{what}\"\nresource = \"work\"\nargs = { what = \"path:str\" }\nreply = \"text\""
            }
        };
        let interrupt = if resource.contains("interrupt = ") { "" } else { INTERRUPT };
        let config = format!(
            r#"
            [server]
            listen = "127.0.0.1:0"
            control = "127.0.0.1:0"
            [resource.work]
            {interrupt}
            grace = "500ms"
            env = {{ GATE = "{gate}" }}
            {resource}
            [resource.work.policy]
            {policy}
            [[route]]
            {route}
            "#
        );
        let files = [("work.py", WORK), ("gated.py", gate::MODULE)];
        Self { mesero: Mesero::serve(&config, &files).await }
    }

    async fn pid(&self) -> String {
        let answer = self.mesero.get("/pid").await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.body
    }

    /// A call that is where it does not end by itself; dropping it is the client leaving.
    async fn begun(&mut self, what: &str) -> TcpStream {
        let client = client::impatient(self.mesero.front, &format!("/{what}")).await;
        self.mesero.logged(&format!("began {what}")).await;
        // That is printed just before, and a call that is interrupted in between never gets there.
        let jobs = self.mesero.jobs().await;
        let newest = jobs.last().expect("it is running")["id"].as_str().unwrap();
        let path = format!("/jobs/{newest}");
        until(async || {
            let job = client::get(self.mesero.control, &path).await.json();
            let stack = job["stack"].as_str();
            let is_in = |place: &str| stack.is_some_and(|stack| stack.contains(place));
            match what {
                "spin" => is_in("in spin"),
                "sleep" => is_in("time.sleep(600)"),
                "native" => is_in("hashlib.pbkdf2_hmac"),
                // Without the interpreter's lock, the worker cannot say where the call is.
                "locked" => stack.is_none(),
                // Tasks, which are canceled where they wait.
                _ => true,
            }
        })
        .await;
        client
    }

    /// Waits until nothing occupies the resource.
    async fn free(&self) {
        self.mesero.until_jobs(|jobs| jobs.is_empty()).await;
    }

    /// Begins a call whose client leaves, and waits until its slot is free.
    async fn given_up(&mut self, what: &str) {
        drop(self.begun(what).await);
        self.free().await;
    }

    async fn stops(&self, how: &str) -> u64 {
        let metrics = client::get(self.mesero.control, "/metrics").await.body;
        let name = format!("mesero_stops_total{{resource=\"work\",how=\"{how}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&name)).expect(&metrics).parse().unwrap()
    }
}

#[tokio::test]
async fn a_function_that_spins_is_interrupted_and_its_process_serves_on() {
    for threads in [1, 8] {
        let mut work = Work::serve(&format!("python = \"work:work\"\nthreads = {threads}")).await;
        let pid = work.pid().await;
        work.given_up("spin").await;
        work.mesero.logged("tidied up").await;
        let line = work.mesero.logged("call stopped").await;
        assert!(line.contains("interrupted"), "{line}");
        assert_eq!((work.stops("interrupted").await, work.stops("killed").await), (1, 0));
        assert_eq!(work.pid().await, pid);
    }
}

#[tokio::test]
async fn a_call_that_does_not_yield_is_ended_with_its_process() {
    for (what, threads) in [("sleep", 1), ("native", 1), ("locked", 1), ("sleep", 8), ("native", 8)]
    {
        let settings = format!("python = \"work:work\"\nthreads = {threads}\n{SHORT_INTERRUPT}");
        let mut work = Work::serve(&settings).await;
        let pid = work.pid().await;
        work.given_up(what).await;
        let line = work.mesero.logged("call stopped").await;
        assert!(line.contains("killed"), "{line}");
        assert_eq!((work.stops("interrupted").await, work.stops("killed").await), (0, 1));
        assert_ne!(work.pid().await, pid);
    }
}

#[tokio::test]
async fn a_hundred_siblings_of_calls_that_do_not_stop_are_unharmed() {
    let gate = Gate::open().await;
    let mut work = Work::gated("python = \"work:work\"\nthreads = 103", gate.port()).await;
    let front = work.mesero.front;
    let mut siblings = JoinSet::new();
    for _ in 0..100 {
        siblings.spawn(async move { client::get(front, "/gated").await });
    }
    let begun = gate.take(100).await;
    let pid = begun[0].pid.to_string();
    let mut stuck = Vec::new();
    for what in ["spin", "sleep", "native"] {
        stuck.push(work.begun(what).await);
    }
    drop(stuck);
    // The call that spins is interrupted; the others are not, and another process takes over.
    work.mesero.until_jobs(|jobs| in_phase(jobs, "stopping") == 2 && jobs.len() == 102).await;
    work.mesero.logged("worker started").await;
    assert_ne!(work.pid().await, pid);
    assert_eq!(work.stops("killed").await, 0);
    begun.into_iter().for_each(gate::Begun::finish);
    let answers = timeout(HANG_TIMEOUT, siblings.join_all()).await.unwrap();
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK), "{answers:?}");
    work.free().await;
    assert_eq!((work.stops("interrupted").await, work.stops("killed").await), (1, 2));
}

#[tokio::test]
async fn siblings_are_not_waited_for_where_they_may_be_killed() {
    let gate = Gate::open().await;
    let settings =
        format!("python = \"work:work\"\nthreads = 2\nkill_siblings = true\n{SHORT_INTERRUPT}");
    let mut work = Work::gated(&settings, gate.port()).await;
    let front = work.mesero.front;
    let mut sibling = JoinSet::new();
    sibling.spawn(async move { client::get(front, "/gated").await });
    let begun = gate.next().await;
    drop(work.begun("sleep").await);
    begun.gone().await;
    let answer = sibling.join_next().await.unwrap().unwrap();
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(answer.body.contains("was ended for another call"), "{answer:?}");
    work.free().await;
}

#[tokio::test]
async fn without_interruptions_the_process_is_replaced_at_once() {
    let mut work = Work::serve("python = \"work:work\"\ninterrupt = \"off\"").await;
    let pid = work.pid().await;
    work.given_up("spin").await;
    assert_eq!((work.stops("interrupted").await, work.stops("killed").await), (0, 1));
    assert_ne!(work.pid().await, pid);
}

#[tokio::test]
async fn an_application_that_spins_is_interrupted_and_one_that_sleeps_is_replaced() {
    let mut applications = vec!["wsgi = \"work:app\"".to_owned()];
    if let Some(venv) = venv() {
        applications.push(format!("wsgi = \"work:flask_app()\"\nvenv = {venv:?}"));
    }
    for application in applications {
        for threads in [1, 4] {
            let mut work = Work::serve(&format!("{application}\nthreads = {threads}/")).await;
            let pid = work.pid().await;
            work.given_up("spin").await;
            assert_eq!(work.pid().await, pid);
            work.given_up("sleep").await;
            assert_ne!(work.pid().await, pid);
        }
    }
}

#[tokio::test]
async fn a_task_that_swallows_its_cancellation_or_blocks_its_loop_is_ended_with_its_process() {
    for (what, how) in [("waits", "interrupted"), ("swallows", "killed"), ("blocks", "killed")] {
        let mut work = Work::serve("python = \"work:tasks\"").await;
        let pid = work.pid().await;
        work.given_up(what).await;
        let line = work.mesero.logged("call stopped").await;
        assert!(line.contains(how), "{line}");
        let given_up = work.mesero.logged("call abandoned").await;
        assert!(given_up.contains("in tasks"), "{given_up}");
        assert_eq!(work.pid().await == pid, how == "interrupted");
    }
}

#[tokio::test]
async fn a_running_job_shows_where_it_is_and_so_does_one_that_was_cancelled_and_does_not_stop() {
    let gate = Gate::open().await;
    let mut work = Work::gated("python = \"work:work\"\nthreads = 2", gate.port()).await;
    let sibling = client::impatient(work.mesero.front, "/gated").await;
    let begun = gate.next().await;
    // Begun means that it has been shown where the call is.
    let _client = work.begun("sleep").await;
    let jobs = work.mesero.jobs().await;
    let id = jobs[1]["id"].as_str().unwrap();
    let path = format!("/jobs/{id}");
    let cancelled = request(work.mesero.control, Method::DELETE, &path, "").await;
    assert_eq!(cancelled.status, StatusCode::ACCEPTED);
    // Its sibling keeps the process, and so the call.
    let line = work.mesero.logged("call abandoned").await;
    assert!(line.contains(id) && line.contains("time.sleep(600)"), "{line}");
    until(async || {
        let mut show = Command::new(program());
        show.args(["jobs", "show", id, "--control", &format!("http://{}", work.mesero.control)]);
        let shown = String::from_utf8(show.output().await.unwrap().stdout).unwrap();
        shown.contains("stopping at seat 1") && shown.contains("time.sleep(600)")
    })
    .await;
    begun.finish();
    drop(sibling);
    work.free().await;
}
