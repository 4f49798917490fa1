//! The example of an API with a concurrency limit of two.

use std::net::SocketAddr;
use std::process::Stdio;

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::harness::{HANG_TIMEOUT, example, signal};

/// Sends eight requests at once; returns their statuses.
async fn eight(address: SocketAddr, path: &'static str) -> Vec<u16> {
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        callers.spawn(async move { client::get(address, path).await.status.as_u16() });
    }
    callers.join_all().await
}

/// The API of the example, and mesero in front of it.
struct Fragile {
    api: Child,
    port: u16,
    mesero: Mesero,
}

impl Fragile {
    async fn start() -> Self {
        let folder = example("fragile-api");
        let mut api = Command::new("python3");
        api.arg(folder.join("api.py")).arg("0").stdout(Stdio::piped()).kill_on_drop(true);
        let mut api = api.spawn().unwrap();
        let mut lines = BufReader::new(api.stdout.take().unwrap()).lines();
        let line = timeout(HANG_TIMEOUT, lines.next_line()).await.expect("a line");
        let port: u16 =
            line.unwrap().unwrap().strip_prefix("listening on ").unwrap().parse().unwrap();
        let config = std::fs::read_to_string(folder.join("mesero.toml")).unwrap();
        let config = config
            .replace("localhost:8888", "127.0.0.1:0")
            .replace("127.0.0.1:9888", "127.0.0.1:0")
            .replace("127.0.0.1:8000", &format!("127.0.0.1:{port}"));
        Self { api, port, mesero: Mesero::serve(&config, &[]).await }
    }

    fn api(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The most requests that the API has had at once.
    async fn most_at_once(&self) -> u64 {
        client::get(self.api(), "/count").await.json()["most"].as_u64().unwrap()
    }
}

#[tokio::test]
async fn an_api_that_bears_two_at_a_time_serves_eight_callers() {
    let fragile = Fragile::start().await;
    assert!(eight(fragile.api(), "/7").await.contains(&503));
    assert_eq!(eight(fragile.mesero.front, "/api/7").await, [200; 8]);
    assert_eq!(fragile.mesero.get("/api/a/b?c").await.json()["path"], "/a/b?c");
}

#[tokio::test]
async fn callers_that_leave_cost_those_that_stay_nothing_but_time() {
    let fragile = Fragile::start().await;
    let mesero = &fragile.mesero;
    let mut impatient = Vec::new();
    for number in 0..6 {
        impatient.push(client::impatient(mesero.front, &format!("/api/{number}")).await);
    }
    mesero.until_jobs(|jobs| (in_phase(jobs, "running"), jobs.len()) == (2, 6)).await;
    drop(impatient);
    let get = || mesero.get("/api/patient");
    let (one, two, three, four) = tokio::join!(get(), get(), get(), get());
    assert_eq!([one, two, three, four].map(|answer| answer.status.as_u16()), [200; 4]);
    assert_eq!(fragile.most_at_once().await, 2);
}

#[tokio::test]
async fn an_api_that_was_stopped_for_a_while_has_no_more_than_two_at_once_when_it_continues() {
    let fragile = Fragile::start().await;
    let mesero = &fragile.mesero;
    assert_eq!(mesero.get("/api/first").await.status, 200);
    signal(&fragile.api, Signal::STOP);
    // Clients leave before their request is sent, while the API has it, and from the queue.
    let mut stopping = 0;
    while stopping < 2 {
        let left = client::impatient(mesero.front, "/api/left").await;
        mesero.until_jobs(|jobs| jobs.len() > stopping).await;
        drop(left);
        let jobs = mesero.until_jobs(|jobs| jobs.len() == in_phase(jobs, "stopping")).await;
        stopping = jobs.len();
    }
    let mut left = Vec::new();
    for _ in 0..20 {
        left.push(client::impatient(mesero.front, "/api/left").await);
    }
    mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 20).await;
    drop(left);
    mesero.until_jobs(|jobs| (in_phase(jobs, "stopping"), jobs.len()) == (2, 2)).await;
    signal(&fragile.api, Signal::CONT);
    assert_eq!(mesero.get("/api/last").await.status, 200);
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
    assert_eq!(fragile.most_at_once().await, 2);
}
