//! The examples of the repository.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{command, run};
use crate::client;
use crate::harness::{HANG_TIMEOUT, Mesero, example, folder, output_of};
use crate::upstream::Upstream;

/// The API of `examples/fragile-api`, on a free port.
async fn api(options: &[&str]) -> (Child, std::net::SocketAddr) {
    let mut command = Command::new("python3");
    command.arg(example("fragile-api/api.py")).arg("0").args(options);
    let mut api = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut line = String::new();
    let mut printed = BufReader::new(api.stdout.take().unwrap());
    timeout(HANG_TIMEOUT, printed.read_line(&mut line)).await.expect("a line").unwrap();
    let port = line.trim().strip_prefix("listening on ").expect(&line).parse().unwrap();
    (api, ([127, 0, 0, 1], port).into())
}

#[tokio::test]
async fn of_a_hundred_requests_none_is_refused_and_only_those_that_failed_are_repeated() {
    // As `examples/requests` starts it, but ten times as fast.
    let options = ["--max-concurrent", "10", "--seconds", "0.01", "0.2", "--fails", "10"];
    let (_api, address) = api(&options).await;
    let url = format!("http://{address}/items/{{}}");
    let ran = run(&[&url, "0..100", "--limit", "10", "--retry", "1"]).await;
    assert_eq!(ran.code, Some(0), "{}{}", ran.stderr, ran.stdout);
    let values = ran.all("value");
    assert!((0..100).all(|n| values[n]["path"] == format!("/items/{n}")));
    let attempts = ran.all("attempts");
    assert!((0..100_usize).all(|n| attempts[n] == if n % 10 == 0 { 2 } else { 1 }));
    let count = client::get(address, "/count").await.json();
    assert_eq!((&count["refused"], &count["failed"]), (&0.into(), &10.into()));
    assert_eq!(count["served"], 100);
    assert!(count["most"].as_u64().unwrap() <= 10, "{count}");
    assert!(ran.stderr.contains("Successful: 100 Failed: 0"), "{}", ran.stderr);
    assert!(ran.stderr.contains("10 retries, 0 refused"), "{}", ran.stderr);
}

#[tokio::test]
async fn the_api_reads_the_former_name_of_its_concurrency_limit() {
    for (option, status) in [("--bears", 503), ("--max-concurrent", 503), ("--fails", 200)] {
        let (_api, address) = api(&[option, "0", "--seconds", "0", "0"]).await;
        assert_eq!(client::get(address, "/1").await.status, status, "{option}");
    }
}

#[tokio::test]
async fn the_first_record_comes_while_the_slowest_item_still_runs() {
    let upstream = Upstream::open().await;
    let folder = folder(&[]);
    let url = format!("http://{}/{{}}", upstream.address());
    let mut child = command(&folder, &[&url, "0", "1", "--limit", "2"]).spawn().unwrap();
    let (mut one, mut other) = (upstream.accept().await, upstream.accept().await);
    let (slow, _) = (one.head().await, other.head().await);
    other.answer("quick").await;
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = timeout(HANG_TIMEOUT, stdout.next_line()).await.expect("a record").unwrap().unwrap();
    let record: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(record["value"], "quick");
    assert!(!slow.contains(&format!("/{} ", record["index"])), "{slow}");
    one.answer("slow").await;
    assert!(stdout.next_line().await.unwrap().unwrap().contains("slow"));
    assert_eq!(timeout(HANG_TIMEOUT, child.wait()).await.unwrap().unwrap().code(), Some(0));
}

#[tokio::test]
async fn clients_of_the_blocking_resource_get_their_answer_or_run_out_of_patience() {
    let folder = folder(&[]);
    let upstream = Upstream::open().await;
    let url = format!("http://{}/resource", upstream.address());
    let arguments = [&*url, "-n", "10", "--limit", "10", "--timeout", "2s", "--verbose"];
    let child = command(&folder, &arguments).spawn().unwrap();
    let mut wires = Vec::new();
    // Five are answered, the others never.
    for number in 0..10 {
        let mut wire = upstream.asked().await;
        if number < 5 {
            wire.answer("done!").await;
        }
        wires.push(wire);
    }
    let output = output_of(child).await;
    let ran = super::Ran::from(output);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("Successful: 5 Failed: 5 (5 timed out)"), "{}", ran.stderr);
    let lines = ran.stderr.lines().filter(|line| line.starts_with('#'));
    assert_eq!(lines.clone().filter(|line| line.contains(" done! ")).count(), 5);
    assert_eq!(lines.filter(|line| line.contains("no answer within the timeout of 2s")).count(), 5);
}

#[tokio::test]
async fn four_squares_come_in_order_and_at_once() {
    let config = std::fs::read_to_string(example("square/mesero.toml")).unwrap();
    let config =
        config.replace("localhost:8888", "127.0.0.1:0").replace("127.0.0.1:9888", "127.0.0.1:0");
    let package = "def calculate_square(num):\n    return num**2\n";
    let config = config.replace("async_service.sync_backend", "sync_backend");
    let service = Mesero::serve(&config, &[("sync_backend.py", package)]).await;
    let url = format!("http://{}/calculate_square?num={{}}", service.front);
    let ran = run(&[&url, "0", "1", "2", "3", "--ordered", "--values"]).await;
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(0), "0.0\n1.0\n4.0\n9.0\n"),
        "{}",
        ran.stderr
    );
}
