//! Control plane of a running mesero, and the command that uses it.

use http::{Method, StatusCode};
use serde_json::Value;
use tokio::process::Command;

use crate::client::{self, request};
use crate::gate::Gate;
use crate::harness::{Mesero, in_phase, program};

/// Runs `mesero jobs` against a running mesero; the exit code and what it printed.
async fn jobs(mesero: &Mesero, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(program());
    command.args(["jobs", "--control", &format!("http://{}", mesero.control)]).args(arguments);
    let output = command.output().await.unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(printed).unwrap())
}

#[tokio::test]
async fn jobs_are_listed_shown_and_cancelled_from_the_command_line() {
    let gate = Gate::open().await;
    let mesero = Mesero::gated(&gate, "gated", "threads = 1/limit = 1").await;
    let _running = client::impatient(mesero.front, "/square?num=1").await;
    let _begun = gate.next().await;
    let _queued = client::impatient(mesero.front, "/square?num=2").await;
    let listed = mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 1).await;
    let id = listed[1]["id"].as_str().unwrap();

    let (code, table) = jobs(&mesero, &["list"]).await;
    assert_eq!(code, Some(0), "{table}");
    assert!(table.contains(id) && table.contains("queued") && table.contains("running"), "{table}");
    let (_, raw) = jobs(&mesero, &["list", "--json"]).await;
    let raw: Value = serde_json::from_str(&raw).unwrap();
    assert_eq!(raw["jobs"].as_array().unwrap().len(), 2);
    let (code, shown) = jobs(&mesero, &["show", id]).await;
    assert_eq!(code, Some(0), "{shown}");
    let (code, cancelled) = jobs(&mesero, &["cancel", id]).await;
    assert_eq!(code, Some(0), "{cancelled}");
    mesero.until_jobs(|jobs| jobs.len() == 1).await;
    let (code, gone) = jobs(&mesero, &["cancel", id]).await;
    assert_eq!(code, Some(1), "{gone}");
    assert!(gone.contains(id), "{gone}");
}

#[tokio::test]
async fn the_limit_of_a_running_service_is_raised() {
    let gate = Gate::open().await;
    let mesero = Mesero::gated(&gate, "gated", "threads = 4/limit = 1").await;
    let mut callers = Vec::new();
    for num in 0..4 {
        callers.push(client::impatient(mesero.front, &format!("/square?num={num}")).await);
    }
    let _first = gate.next().await;
    mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 3).await;
    let (code, text) = jobs(&mesero, &["limit", "square", "3"]).await;
    assert_eq!(code, Some(0), "{text}");
    let _more = gate.take(2).await;
    mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 1).await;
}

#[tokio::test]
async fn a_limit_that_finds_itself_is_shown_and_can_be_fixed() {
    let gate = Gate::open().await;
    let settings = "threads = 8/limit = { min = 2, max = 6 }";
    let mesero = Mesero::gated(&gate, "gated", settings).await;
    let mut callers = Vec::new();
    for num in 0..8 {
        callers.push(client::impatient(mesero.front, &format!("/square?num={num}")).await);
    }
    let running = gate.take(4).await;
    mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 4).await;
    let (_, list) = jobs(&mesero, &[]).await;
    assert!(list.contains("square: limit 4 (auto, from 2 to 6)"), "{list}");
    let metrics = client::get(mesero.control, "/metrics").await.body;
    assert!(
        metrics.lines().any(|line| line == r#"mesero_limit{resource="square"} 4"#),
        "{metrics}"
    );
    let (code, text) = jobs(&mesero, &["limit", "square", "3"]).await;
    assert_eq!((code, text.trim()), (Some(0), "square: limit changed from 4 to 3"));
    let (_, list) = jobs(&mesero, &[]).await;
    assert!(!list.contains("auto"), "{list}");
    drop(running);
}

#[tokio::test]
async fn a_mesero_that_is_not_there_is_named() {
    let mut command = Command::new(program());
    command.args(["jobs", "--control", "http://127.0.0.1:1"]);
    let output = command.output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("127.0.0.1:1"), "{text}");
}

#[tokio::test]
async fn metrics_tell_what_happened() {
    let gate = Gate::open().await;
    let mesero = Mesero::gated(&gate, "gated", "threads = 1").await;
    let play = async { gate.next().await.finish() };
    let (answer, ()) = tokio::join!(mesero.get("/square?num=1"), play);
    assert_eq!(answer.status, StatusCode::OK);
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
    let metrics = client::get(mesero.control, "/metrics").await.body;
    let has = |line: &str| assert!(metrics.lines().any(|l| l == line), "{line} in\n{metrics}");
    has(r#"mesero_jobs_total{resource="square",outcome="succeeded"} 1"#);
    has(r#"mesero_calls_total{resource="square",how="led"} 1"#);
}

#[tokio::test]
async fn the_control_plane_wants_its_token_where_one_is_configured() {
    let config = r#"
        [server]
        listen = "127.0.0.1:0"
        control = "127.0.0.1:0"
        control_token_file = "token"
        [resource.square]
        python = "tools:square"
        [[route]]
        path = "/square"
        resource = "square"
    "#;
    let files = [("token", "open-sesame\n"), ("tools.py", "def square(num=1):\n    return num\n")];
    let mesero = Mesero::serve(config, &files).await;
    let refused = request(mesero.control, Method::GET, "/jobs", "").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(client::get(mesero.control, "/livez").await.status, StatusCode::OK);
}
