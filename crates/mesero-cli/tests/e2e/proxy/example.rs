//! The example of an API with a concurrency limit of two.

use std::net::SocketAddr;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::harness::{HANG_TIMEOUT, example};

/// Sends eight requests at once; returns their statuses.
async fn eight(address: SocketAddr, path: &'static str) -> Vec<u16> {
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        callers.spawn(async move { client::get(address, path).await.status.as_u16() });
    }
    callers.join_all().await
}

#[tokio::test]
async fn an_api_that_bears_two_at_a_time_serves_eight_callers() {
    let folder = example("fragile-api");
    let mut api = Command::new("python3");
    api.arg(folder.join("api.py")).arg("0").stdout(Stdio::piped()).kill_on_drop(true);
    let mut api = api.spawn().unwrap();
    let mut lines = BufReader::new(api.stdout.take().unwrap()).lines();
    let line = timeout(HANG_TIMEOUT, lines.next_line()).await.expect("a line").unwrap().unwrap();
    let port: u16 = line.strip_prefix("listening on ").unwrap().parse().unwrap();

    let config = std::fs::read_to_string(folder.join("mesero.toml")).unwrap();
    let config = config
        .replace("localhost:8888", "127.0.0.1:0")
        .replace("127.0.0.1:9888", "127.0.0.1:0")
        .replace("127.0.0.1:8000", &format!("127.0.0.1:{port}"));
    let mesero = Mesero::serve(&config, &[]).await;
    assert!(eight(SocketAddr::from(([127, 0, 0, 1], port)), "/7").await.contains(&503));
    assert_eq!(eight(mesero.front, "/api/7").await, [200; 8]);
    assert_eq!(mesero.get("/api/a/b?c").await.json()["path"], "/a/b?c");
}
