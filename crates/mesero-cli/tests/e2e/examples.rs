//! The examples of the repository, unmodified but for the addresses.

use std::time::Duration;

use http::StatusCode;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::client;
use crate::gate::Gate;
use crate::harness::{Mesero, example, folder, in_phase, on_free_ports, program};
use crate::upstream::Upstream;

#[tokio::test]
async fn the_legacy_command_answers_over_http() {
    let config = on_free_ports("legacy-command/mesero.toml");
    let script = example("legacy-command/convert.sh").canonicalize().unwrap();
    let mesero =
        Mesero::serve(&config.replace("./convert.sh", script.to_str().unwrap()), &[]).await;
    let answer = mesero.get("/convert/GBP/100").await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "GBP 88.4\n"));
    assert_eq!(mesero.get("/convert/XYZ/1").await.status, StatusCode::NOT_FOUND);
    assert_eq!(mesero.get("/convert/GBP/x").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn four_of_the_legacy_command_run_at_a_time_and_the_fifth_waits() {
    let gate = Gate::open().await;
    let script = r#"
        exec 9<>"/dev/tcp/127.0.0.1/$GATE"
        echo "$$ $2" >&9
        read -r -u 9
        echo "$1 $2"
    "#;
    let config = on_free_ports("legacy-command/mesero.toml");
    let config = config.replace("\"./convert.sh\"", "\"bash\", \"convert.sh\"");
    let folder = folder(&[("convert.sh", script), ("mesero.toml", &config)]);
    let mut command = Command::new(program());
    command.arg("serve").arg(folder.path().join("mesero.toml"));
    command.env("GATE", gate.port().to_string());
    let mesero = Mesero::start(command).await;
    let (mut callers, front) = (JoinSet::new(), mesero.front);
    for amount in 0..5 {
        callers.spawn(async move {
            let answer = client::get(front, &format!("/convert/GBP/{amount}")).await;
            assert_eq!(answer.body, format!("GBP {amount}\n"));
        });
    }
    let begun = gate.take(4).await;
    let as_wanted = |phase, count| move |jobs: &[_]| in_phase(jobs, phase) == count;
    mesero.until_jobs(as_wanted("queued", 1)).await;
    mesero.until_jobs(as_wanted("running", 4)).await;
    begun.into_iter().for_each(crate::gate::Begun::finish);
    gate.next().await.finish();
    callers.join_all().await;
}

#[tokio::test]
async fn the_slow_api_answers_after_its_delay() {
    let config = on_free_ports("blocking-resource/slow-api.toml");
    assert!(config.contains("delay = \"5s\""));
    let mesero = Mesero::serve(&config.replace("\"5s\"", "\"50ms\""), &[]).await;
    let answer = mesero.get("/blocking-resource").await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "{\"msg\":\"done!\"}"));
    assert_eq!(answer.header("content-type"), "application/json");
}

/// Sends so many requests at once; returns how many are answered within seven seconds.
async fn passing(mesero: &Mesero, path: &'static str, clients: usize) -> usize {
    let mut callers = JoinSet::new();
    for _ in 0..clients {
        let front = mesero.front;
        callers.spawn(async move {
            let answer = timeout(Duration::from_secs(7), client::get(front, path)).await;
            answer.is_ok_and(|answer| answer.body == "done!")
        });
    }
    callers.join_all().await.into_iter().filter(|passed| *passed).count()
}

#[tokio::test]
async fn a_blocking_handler_serves_one_of_two_is_named_and_counted_and_both_cures_serve_two() {
    let config = on_free_ports("blocking-handler/mesero.toml");
    let module = std::fs::read_to_string(example("blocking-handler/reports.py")).unwrap();
    let files = [("reports.py", module.as_str())];
    let mut alone = Mesero::serve(&config, &files).await;
    let mut mesero = Mesero::serve(&config, &files).await;
    let passed = tokio::join!(
        passing(&alone, "/blocking", 1),
        passing(&mesero, "/blocking", 2),
        passing(&mesero, "/threaded", 2),
        passing(&mesero, "/sync", 2),
    );
    assert_eq!(passed, (1, 1, 2, 2));

    let named = mesero.logged("event loop blocked by `build_report`").await;
    for part in ["resource=blocking", "handler=reports:blocking", "reports.py:9", "time.sleep(5)"] {
        assert!(named.contains(part), "{part} in {named}");
    }
    alone.logged("event loop free again; it was blocked by `build_report`").await;
    // The client of the second call has left, and the call cannot be interrupted.
    mesero.logged("worker ended: its call was abandoned and did not stop").await;
    let metrics = client::get(mesero.control, "/metrics").await.body;
    let value = |name: &str| -> f64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        line.trim().parse().unwrap()
    };
    assert!(value("mesero_loop_blocked_total{resource=\"blocking\"}") >= 1.0, "{metrics}");
    assert!(value("mesero_loop_blocked_seconds_total{resource=\"blocking\"}") >= 5.0, "{metrics}");
}

#[tokio::test]
async fn the_site_cache_asks_once_for_many_readers_and_outlives_the_site() {
    let site = Upstream::open().await;
    let config = on_free_ports("site-cache/mesero.toml");
    assert!(config.contains("ttl = \"60s\""));
    let config = config.replace("ttl = \"60s\"", "ttl = \"1ns\"");
    let fetch = std::fs::read_to_string(example("site-cache/fetch.py")).unwrap();
    let folder = folder(&[("fetch.py", &fetch), ("mesero.toml", &config)]);
    let mut command = Command::new(program());
    command.arg("serve").arg(folder.path().join("mesero.toml"));
    command.env("SITE", format!("http://{}", site.address()));
    let mesero = Mesero::start(command).await;

    let (mut readers, front) = (JoinSet::new(), mesero.front);
    for _ in 0..20 {
        readers.spawn(async move { client::get(front, "/data/prices").await.body });
    }
    let mut wire = site.accept().await;
    mesero.until_jobs(|jobs| jobs.len() == 1 && jobs[0]["waiters"] == 20).await;
    assert!(wire.head().await.starts_with("GET /prices "));
    wire.answer("one").await;
    assert_eq!(readers.join_all().await, ["one"; 20]);

    // The cached answer is old now: it is served at once, while one job asks again.
    for _ in 0..2 {
        let old = mesero.get("/data/prices").await;
        assert_eq!(old.body, "one");
        assert!(old.header("cache-status").starts_with("mesero; hit; ttl="));
        assert!(old.header("age").parse::<u64>().is_ok());
    }
    let mut wire = site.accept().await;
    assert!(!site.has_another().await);
    wire.head().await;
    wire.answer("two").await;
    mesero.until_jobs(<[_]>::is_empty).await;

    // Now the site breaks off, and is gone.
    assert_eq!(mesero.get("/data/prices").await.body, "two");
    drop(site.accept().await);
    mesero.until_jobs(<[_]>::is_empty).await;
    drop(site);
    assert_eq!(mesero.get("/data/prices").await.body, "two");
    let failed = mesero.get("/data/other").await;
    assert_eq!(
        (failed.status, failed.header("cache-status")),
        (StatusCode::INTERNAL_SERVER_ERROR, "")
    );
    let again = mesero.get("/data/other").await;
    assert_eq!(again.json()["type"], failed.json()["type"]);
    let metrics = client::get(mesero.control, "/metrics").await.body;
    assert!(
        metrics.contains("mesero_calls_total{resource=\"site\",how=\"joined\"} 19"),
        "{metrics}"
    );
}
