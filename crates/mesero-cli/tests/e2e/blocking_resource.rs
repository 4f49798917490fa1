//! The example of clients that wait seven seconds for an API that takes five, in real time.

use std::net::SocketAddr;
use std::time::Duration;

use http::StatusCode;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::client;
use crate::harness::{Mesero, example, folder, on_free_ports, program, venv};

/// Timeout of a client.
const SEVEN_SECONDS: Duration = Duration::from_secs(7);

/// Serves one of the example's files on free ports, with some of its lines replaced.
async fn serve(file: &str, replaced: &[(&str, &str)], slow_api: &str) -> Mesero {
    let mut config = on_free_ports(&format!("blocking-resource/{file}"));
    // Each runs in a process of its own here, and in one process with the others in the example.
    config = config.replacen("[resource", "control = \"127.0.0.1:0\"\n[resource", 1);
    for (from, to) in replaced {
        assert!(config.contains(from), "{from}");
        config = config.replace(from, to);
    }
    let app = std::fs::read_to_string(example("blocking-resource/app.py")).unwrap();
    let folder = folder(&[("mesero.toml", &config), ("app.py", &app)]);
    let mut command = Command::new(program());
    command.arg("serve").arg(folder.path().join("mesero.toml"));
    command.env("SLOW_API", slow_api).env("NO_PROXY", "*");
    Mesero::start_in(folder, command).await
}

/// Sends so many requests at once; returns how many are answered before they time out.
async fn passes(clients: usize, front: SocketAddr, path: &'static str) -> usize {
    let mut all = JoinSet::new();
    for _ in 0..clients {
        all.spawn(async move {
            let Ok(answer) = timeout(SEVEN_SECONDS, client::get(front, path)).await else {
                return false;
            };
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
            assert_eq!(answer.json(), serde_json::json!({ "msg": "done!" }));
            true
        });
    }
    all.join_all().await.into_iter().filter(|passed| *passed).count()
}

/// Runs ten clients in one command; returns its exit code and the first line that it prints.
async fn ten_in_one_command(front: SocketAddr) -> (Option<i32>, String) {
    let mut command = Command::new(program());
    command.args(["run", &format!("http://{front}/resource"), "-n", "10", "--limit", "10"]);
    let output = command.args(["--timeout", "7s"]).output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said.lines().next().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn as_many_clients_pass_as_there_are_workers_and_all_of_them_with_threads() {
    let Some(venv) = venv() else { return };
    let slow = Mesero::serve(&on_free_ports("blocking-resource/slow-api.toml"), &[]).await;
    let slow_api = format!("http://{}", slow.front);
    let venv = ("../../target/venv", venv.to_str().unwrap());
    let (venv, to_the_api) = ([venv], [("http://localhost:8000", &*slow_api)]);
    let workers = async |count: &str| {
        let workers = format!("workers = {count}");
        serve("flask.toml", &[venv[0], ("workers = 1", &workers)], &slow_api).await
    };
    let (one, alone, five, ten, run, direct, threads) = tokio::join!(
        workers("1"),
        workers("1"),
        workers("5"),
        workers("5"),
        workers("5"),
        serve("direct.toml", &to_the_api, &slow_api),
        serve("threads.toml", &venv, &slow_api)
    );
    let passed = tokio::join!(
        passes(1, alone.front, "/resource"),
        passes(4, one.front, "/resource"),
        passes(4, five.front, "/resource"),
        passes(10, ten.front, "/resource"),
        ten_in_one_command(run.front),
        passes(10, direct.front, "/blocking-resource"),
        passes(10, threads.front, "/resource")
    );
    let five_of_ten = (Some(1), "Successful: 5 Failed: 5 (5 timed out)".to_owned());
    assert_eq!(passed, (1, 1, 4, 5, five_of_ten, 10, 10));
}

/// Measures ten clients that start at once.
async fn bench_of_ten(front: SocketAddr) -> (Option<i32>, serde_json::Value) {
    let mut command = Command::new(program());
    command.args(["bench", &format!("http://{front}/resource"), "-c", "10", "-n", "10"]);
    command.args([
        "--timeout",
        "7s",
        "--expect",
        "client_timeout=0",
        "--json",
        "--tolerance",
        "1h",
    ]);
    let output = command.output().await.unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

#[tokio::test]
async fn bench_says_how_many_workers_would_pass_and_with_as_many_it_passes() {
    let Some(venv) = venv() else { return };
    let slow = Mesero::serve(&on_free_ports("blocking-resource/slow-api.toml"), &[]).await;
    let slow_api = format!("http://{}", slow.front);
    let venv = ("../../target/venv", venv.to_str().unwrap());
    let workers = async |count: &str| {
        let workers = format!("workers = {count}");
        serve("flask.toml", &[venv, ("workers = 1", &workers)], &slow_api).await
    };
    let five = workers("5").await;
    let (code, report) = bench_of_ten(five.front).await;
    assert_eq!((code, &report["client_timeout"]), (Some(3), &5.into()), "{report:#}");
    assert_eq!(
        (&report["workers"]["certain"], &report["workers"]["now"]),
        (&true.into(), &5.into())
    );
    let needed = report["workers"]["needed"].to_string();
    let enough = workers(&needed).await;
    let (code, report) = bench_of_ten(enough.front).await;
    assert_eq!((code, &report["ok"]), (Some(0), &10.into()), "with {needed}: {report:#}");
}
