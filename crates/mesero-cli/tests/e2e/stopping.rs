//! Calls that do not stop by themselves.

use std::time::Duration;

use http::{Method, StatusCode};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::client::{self, request};
use crate::gate::{self, Gate};
use crate::harness::{Mesero, PATIENCE, in_phase, program, quiet_machine, shared_machine, venv};

/// What each call does is its argument; all say when they begin.
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

/// How soon the slot of a call that yields is free.
const SOON: Duration = Duration::from_secs(1);
const INTERRUPT: Duration = Duration::from_millis(500);
const GRACE: Duration = Duration::from_millis(500);

/// The functions, or an application, being served.
struct Work {
    mesero: Mesero,
}

impl Work {
    /// Serves the functions, or an application; after a slash, the policy.
    async fn serve(settings: &str) -> Self {
        Self::gated(settings, 0).await
    }

    async fn gated(settings: &str, gate: u16) -> Self {
        let (resource, policy) = settings.rsplit_once('/').unwrap_or((settings, ""));
        let route = match resource.contains("wsgi = ") {
            true => "path = \"/{*what}\"\nresource = \"work\"",
            false => {
                "path = \"/{what}\"\nresource = \"work\"\nargs = { what = \"path:str\" }\nreply = \"text\""
            }
        };
        let interrupt = match resource.contains("interrupt = ") {
            true => String::new(),
            false => format!("interrupt = \"{}ms\"", INTERRUPT.as_millis()),
        };
        let config = format!(
            r#"
            [server]
            listen = "127.0.0.1:0"
            control = "127.0.0.1:0"
            [resource.work]
            {interrupt}
            grace = "{}ms"
            env = {{ GATE = "{gate}" }}
            {resource}
            [resource.work.policy]
            {policy}
            [[route]]
            {route}
            "#,
            GRACE.as_millis(),
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
        // That is said just before, and a call that is interrupted in between never gets there.
        let jobs = self.mesero.jobs().await;
        let newest = jobs.last().expect("it is running")["id"].as_str().unwrap();
        let path = format!("/jobs/{newest}");
        let place = match what {
            "spin" => "in spin",
            "sleep" => "time.sleep(600)",
            "native" => "hashlib.pbkdf2_hmac",
            other => panic!("where does `{other}` stay?"),
        };
        let reaching = async {
            loop {
                let job = client::get(self.mesero.control, &path).await.json();
                if job["stack"].as_str().is_some_and(|stack| stack.contains(place)) {
                    return;
                }
            }
        };
        timeout(PATIENCE, reaching).await.expect("it gets there");
        client
    }

    /// How long until nothing occupies the resource any more.
    async fn free(&self) -> Duration {
        let start = Instant::now();
        self.mesero.until_jobs(|jobs| jobs.is_empty()).await;
        start.elapsed()
    }

    /// The call runs into its timeout; says how long its slot was still taken.
    async fn times_out(&self, what: &str) -> Duration {
        let answer = self.mesero.get(&format!("/{what}")).await;
        assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT, "{answer:?}");
        assert_eq!(answer.json()["type"], "urn:mesero:timed-out-running");
        self.free().await
    }

    async fn stops(&self, how: &str) -> u64 {
        let metrics = client::get(self.mesero.control, "/metrics").await.body;
        let name = format!("mesero_stops_total{{resource=\"work\",how=\"{how}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&name)).expect(&metrics).parse().unwrap()
    }
}

#[tokio::test]
async fn a_function_that_spins_is_interrupted_and_its_process_serves_on() {
    let _machine = quiet_machine().await;
    for threads in [1, 8] {
        let settings = format!("python = \"work:work\"\nthreads = {threads}/timeout = \"300ms\"");
        let mut work = Work::serve(&settings).await;
        let pid = work.pid().await;
        let free = work.times_out("spin").await;
        assert!(free < SOON, "{free:?}");
        work.mesero.logged("tidied up").await;
        let line = work.mesero.logged("call stopped").await;
        assert!(line.contains("interrupted"), "{line}");
        assert_eq!((work.stops("interrupted").await, work.stops("killed").await), (1, 0));
        assert_eq!(work.pid().await, pid);
    }
}

#[tokio::test]
async fn a_call_that_does_not_yield_is_ended_with_its_process() {
    let _machine = quiet_machine().await;
    for (what, threads) in [("sleep", 1), ("native", 1), ("locked", 1), ("sleep", 8), ("native", 8)]
    {
        let settings = format!("python = \"work:work\"\nthreads = {threads}/timeout = \"300ms\"");
        let mut work = Work::serve(&settings).await;
        let pid = work.pid().await;
        let free = work.times_out(what).await;
        assert!(free < INTERRUPT + GRACE + SOON, "{what}: {free:?}");
        let line = work.mesero.logged("call stopped").await;
        assert!(line.contains("killed"), "{line}");
        assert_eq!((work.stops("interrupted").await, work.stops("killed").await), (0, 1));
        assert_ne!(work.pid().await, pid);
    }
}

#[tokio::test]
async fn a_hundred_siblings_of_calls_that_do_not_stop_are_unharmed() {
    let _machine = shared_machine().await;
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
    // The one that spins is interrupted; the others are not, and another process takes over.
    work.mesero.until_jobs(|jobs| in_phase(jobs, "stopping") == 2 && jobs.len() == 102).await;
    work.mesero.logged("worker started").await;
    assert_ne!(work.pid().await, pid);
    assert_eq!(work.stops("killed").await, 0);
    begun.into_iter().for_each(gate::Begun::finish);
    let answers = timeout(PATIENCE, siblings.join_all()).await.unwrap();
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK), "{answers:?}");
    work.free().await;
    assert_eq!((work.stops("interrupted").await, work.stops("killed").await), (1, 2));
}

#[tokio::test]
async fn siblings_are_not_waited_for_where_they_may_be_killed() {
    let _machine = shared_machine().await;
    let gate = Gate::open().await;
    let settings = "python = \"work:work\"\nthreads = 2\nkill_siblings = true";
    let mut work = Work::gated(settings, gate.port()).await;
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
    let _machine = quiet_machine().await;
    let settings = "python = \"work:work\"\ninterrupt = \"off\"/timeout = \"300ms\"";
    let work = Work::serve(settings).await;
    let pid = work.pid().await;
    assert!(work.times_out("spin").await < GRACE + SOON);
    assert_eq!((work.stops("interrupted").await, work.stops("killed").await), (0, 1));
    assert_ne!(work.pid().await, pid);
}

#[tokio::test]
async fn an_application_that_spins_is_interrupted_and_one_that_sleeps_is_replaced() {
    let _machine = quiet_machine().await;
    let mut applications = vec!["wsgi = \"work:app\"".to_owned()];
    if let Some(venv) = venv() {
        applications.push(format!("wsgi = \"work:flask_app()\"\nvenv = {venv:?}"));
    }
    for application in applications {
        for threads in [1, 4] {
            let settings = format!("{application}\nthreads = {threads}/timeout = \"300ms\"");
            let work = Work::serve(&settings).await;
            let pid = work.pid().await;
            assert!(work.times_out("spin").await < SOON);
            assert_eq!(work.pid().await, pid);
            assert!(work.times_out("sleep").await < INTERRUPT + GRACE + SOON);
            assert_ne!(work.pid().await, pid);
        }
    }
}

#[tokio::test]
async fn a_task_that_swallows_its_cancellation_or_blocks_its_loop_is_ended_with_its_process() {
    let _machine = quiet_machine().await;
    for (what, how) in [("waits", "interrupted"), ("swallows", "killed"), ("blocks", "killed")] {
        let mut work = Work::serve("python = \"work:tasks\"/timeout = \"300ms\"").await;
        let pid = work.pid().await;
        assert!(work.times_out(what).await < INTERRUPT + GRACE + SOON);
        let line = work.mesero.logged("call stopped").await;
        assert!(line.contains(how), "{line}");
        let given_up = work.mesero.logged("call given up").await;
        assert!(given_up.contains("in tasks"), "{given_up}");
        assert_eq!(work.pid().await == pid, how == "interrupted");
    }
}

#[tokio::test]
async fn a_running_job_shows_where_it_is_and_so_does_one_that_was_cancelled_and_does_not_stop() {
    let _machine = shared_machine().await;
    let gate = Gate::open().await;
    let mut work = Work::gated("python = \"work:work\"\nthreads = 2", gate.port()).await;
    let sibling = client::impatient(work.mesero.front, "/gated").await;
    let begun = gate.next().await;
    let _client = work.begun("sleep").await;
    let jobs = work.mesero.jobs().await;
    let id = jobs[1]["id"].as_str().unwrap();
    let path = format!("/jobs/{id}");
    let running = client::get(work.mesero.control, &path).await.json();
    assert!(running["stack"].as_str().unwrap().contains("time.sleep(600)"), "{running}");
    let cancelled = request(work.mesero.control, Method::DELETE, &path, "").await;
    assert_eq!(cancelled.status, StatusCode::ACCEPTED);
    // Its sibling keeps the process, and so the call.
    let line = work.mesero.logged("call given up").await;
    assert!(line.contains(id) && line.contains("time.sleep(600)"), "{line}");
    let shown = Command::new(program())
        .args(["jobs", "show", id, "--control", &format!("http://{}", work.mesero.control)])
        .output()
        .await
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("stopping at seat 1") && shown.contains("time.sleep(600)"), "{shown}");
    begun.finish();
    drop(sibling);
    work.free().await;
}
