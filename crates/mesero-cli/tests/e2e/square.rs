//! The square service of the examples.

use std::net::SocketAddr;
use std::time::Duration;

use http::{Method, StatusCode};
use tokio::process::Command;
use tokio::time::{Instant, timeout};

use crate::client::{self, request};
use crate::gate::{Begun, Gate};
use crate::harness::{self, HANG_TIMEOUT, Mesero, example, in_phase, program};

/// The example's configuration on ports of its own, with some lines replaced.
async fn square(file: &str, replaced: &[(&str, &str)]) -> Mesero {
    let config = std::fs::read_to_string(example("square").join(file)).unwrap();
    let mut config =
        config.replace("localhost:8888", "localhost:0").replace("127.0.0.1:9888", "127.0.0.1:0");
    for (from, to) in replaced {
        assert!(config.contains(from), "{from}");
        config = config.replace(from, to);
    }
    // The module is found beside the configuration, so the example's folder is copied.
    let package = example("square").join("async_service");
    let read = |name: &str| std::fs::read_to_string(package.join(name)).unwrap();
    let (sync, asynchronous) = (read("sync_backend.py"), read("async_backend.py"));
    let config = config.replace("async_service.", "");
    Mesero::serve(&config, &[("sync_backend.py", &sync), ("async_backend.py", &asynchronous)]).await
}

#[tokio::test]
async fn squares_are_what_python_prints() {
    for file in ["mesero.toml", "async.toml"] {
        let mesero = square(file, &[]).await;
        let ask = async |num: &str| mesero.get(&format!("/calculate_square?num={num}")).await;
        let (two, zero, negative, fraction, large, nan, infinite) = tokio::join!(
            ask("2"),
            ask("0"),
            ask("-3"),
            ask("1.5"),
            ask("1e16"),
            ask("nan"),
            ask("1e400")
        );
        let answers = [two, zero, negative, fraction, large, nan, infinite];
        assert!(answers.iter().all(|answer| answer.status == StatusCode::OK), "{answers:?}");
        let bodies = answers.each_ref().map(|answer| answer.body.as_str());
        assert_eq!(bodies, ["4.0", "0.0", "9.0", "2.25", "1e+32", "nan", "inf"]);
        assert_eq!(answers[0].header("content-type"), "text/plain; charset=utf-8");
        assert!(answers[0].header("server-timing").starts_with("queue;dur="));
        assert!(!answers[0].header("x-request-id").is_empty());
    }
}

#[tokio::test]
async fn an_exception_is_a_500_with_its_type_and_text_and_no_traceback() {
    let mut mesero = square("mesero.toml", &[]).await;
    let answer = mesero.get("/calculate_square?num=1e200").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    assert_eq!(problem["type"], "urn:mesero:raised");
    assert_eq!(problem["status"], 500);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with("OverflowError: "), "{detail}");
    assert!(problem["job"].as_str().unwrap().starts_with("square-"));
    assert!(problem["ran_ms"].as_f64().unwrap() >= 1_000.0, "{problem}");
    assert!(!answer.body.contains("Traceback"));
    mesero.logged("OverflowError").await;
    mesero.logged("sync_backend.py").await;
}

#[tokio::test]
async fn a_bad_argument_is_a_400_that_names_it() {
    let mesero = square("mesero.toml", &[]).await;
    for query in ["", "?num=", "?num=two", "?number=2", "?num=2&num="] {
        let answer = mesero.get(&format!("/calculate_square{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        let problem = answer.json();
        assert_eq!(problem["type"], "urn:mesero:bad-argument");
        assert_eq!(problem["argument"], "num");
        assert_eq!(problem["wanted"], "float");
        assert!(problem["detail"].as_str().unwrap().contains("`num`"), "{problem}");
    }
}

#[tokio::test]
async fn of_a_repeated_argument_the_last_counts() {
    let mesero = square("mesero.toml", &[]).await;
    assert_eq!(mesero.get("/calculate_square?num=two&num=3").await.body, "9.0");
}

#[tokio::test]
async fn another_method_is_a_405_and_another_path_a_404() {
    let mesero = square("mesero.toml", &[]).await;
    let answer = request(mesero.front, Method::POST, "/calculate_square?num=2", "").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.header("allow"), "GET, HEAD");
    assert_eq!(mesero.get("/calculate_cube?num=2").await.status, StatusCode::NOT_FOUND);
}

/// The four callers as a Python program.
fn in_python(front: SocketAddr) -> Command {
    let mut callers = Command::new("python3");
    callers.arg(example("square").join("four_callers.py"));
    callers.arg(format!("http://{front}/calculate_square"));
    callers
}

/// Runs the callers; returns how long that took.
async fn took(mut callers: Command) -> Duration {
    let started = Instant::now();
    let output = timeout(HANG_TIMEOUT, callers.output()).await.expect("an end").unwrap();
    let took = started.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "[0.0, 1.0, 4.0, 9.0]\n");
    took
}

/// The example with one slot: its calls run one after another.
async fn one_by_one(file: &str) -> Mesero {
    square(file, &[("queue = 1000", "queue = 1000\nlimit = 1")]).await
}

/// Compares four callers that come at once with the same program where there is one slot.
///
/// Both need the same time to start, however long that takes on a busy machine. Four calls of a
/// second are three seconds faster at once than one after another; two of these have to remain,
/// in one of five attempts.
async fn all_at_once_is_faster(callers: impl Fn(SocketAddr) -> Command, file: &str) {
    let (at_once, one_by_one) = tokio::join!(square(file, &[]), one_by_one(file));
    let mut all = Vec::new();
    while all.len() < 5 {
        let pair = tokio::join!(took(callers(at_once.front)), took(callers(one_by_one.front)));
        assert!(pair.1 > Duration::from_secs(4), "{file}: {pair:?}");
        if pair.0 + Duration::from_secs(2) < pair.1 {
            return;
        }
        all.push(pair);
    }
    panic!("{file}: {all:?}");
}

#[tokio::test]
async fn four_callers_wait_one_second_and_with_one_slot_four() {
    tokio::join!(
        all_at_once_is_faster(in_python, "mesero.toml"),
        all_at_once_is_faster(in_python, "async.toml")
    );
}

#[tokio::test]
async fn the_four_callers_are_also_a_rust_program() {
    // `cargo test` builds the examples beside the program.
    let program = std::path::Path::new(program()).with_file_name("examples").join("four_callers");
    let in_rust = |front: SocketAddr| {
        let mut callers = Command::new(&program);
        callers.arg(front.to_string());
        callers
    };
    all_at_once_is_faster(in_rust, "mesero.toml").await;
}

#[tokio::test]
async fn what_is_being_computed_is_listed_as_the_callers_wrote_it() {
    let gate = Gate::open().await;
    let mesero = Mesero::gated(&gate, "gated", "threads = 4").await;
    let asks = ["0", "1", "2.50", "-3e0", "nan"].map(|num| format!("/square?num={num}"));
    let asking = asks.iter().map(|ask| client::impatient(mesero.front, ask));
    let mut callers = Vec::new();
    for ask in asking {
        callers.push(ask.await);
    }
    mesero.until_jobs(|jobs| jobs.len() == 5).await;
    let begun = gate.take(4).await;
    let listed = mesero.get("/list").await;
    assert_eq!(listed.header("content-type"), "application/json");
    let mut listed: Vec<&str> =
        listed.body.trim_matches(['[', ']']).split(',').map(str::trim).collect();
    listed.sort_unstable();
    assert_eq!(listed, ["\"nan\"", "-3e0", "0", "1", "2.50"]);
    drop(callers);
    begun.into_iter().for_each(Begun::finish);
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
    assert_eq!(mesero.get("/list").await.body, "[]");
}

#[tokio::test]
async fn a_function_is_served_without_a_file() {
    let folder = harness::folder(&[("tools.py", "def twice(num):\n    return num * 2\n")]);
    let mut command = Command::new(program());
    command.current_dir(folder.path()).args(["serve", "--python", "tools:twice"]);
    command.args(["--route", "/twice?num={num:int}", "--route", "/{num:int}/doubled"]);
    command.args(["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--reply", "text"]);
    let mesero = Mesero::start(command).await;
    assert_eq!(mesero.get("/twice?num=21").await.body, "42");
    assert_eq!(mesero.get("/4/doubled").await.body, "8");
}

#[tokio::test]
async fn localhost_is_both_families_and_a_request_never_waits_behind_queued_work() {
    let gate = Gate::open().await;
    let mesero = Mesero::gated(&gate, "gated", "threads = 1/limit = 1").await;
    let _running = client::impatient(mesero.front, "/square?num=1").await;
    let _queued = client::impatient(mesero.front, "/square?num=2").await;
    mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 1).await;
    assert_eq!(mesero.get("/nowhere").await.status, StatusCode::NOT_FOUND);
    assert_eq!(mesero.get("/square?num=x").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(mesero.get("/list").await.status, StatusCode::OK);
    assert_eq!(client::get(mesero.control, "/livez").await.status, StatusCode::OK);
    assert_eq!(client::get(mesero.control, "/readyz").await.status, StatusCode::OK);
}
