//! A start signal: three runners wait for it, and a late one starts at once.
//!
//! Takes 5 s: the signal comes after 1 s, the runs take 1 s, 2 s and 3 s, and the late runner comes
//! after 4 s and runs for a second. asyncio's `Event` is a value that can be watched: once set, it
//! stays set, and a late task sees it too. (`Notify` alone wakes only tasks that wait at that
//! moment.)
#![cfg_attr(not(test), expect(clippy::print_stdout, reason = "it is a program to look at"))]

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    run().await;
}

pub(crate) async fn run() {
    let start = Instant::now();
    let (signal, started) = watch::channel(false);
    let mut runners = JoinSet::new();
    for (name, comes, runs) in [("Ana", 0, 1), ("Luis", 0, 2), ("Marta", 0, 3), ("Pablo", 4, 1)] {
        let mut started = started.clone();
        runners.spawn(async move {
            sleep(secs(comes)).await;
            if started.wait_for(|started| *started).await.is_err() {
                return println!("{name} goes home: there will be no signal");
            }
            sleep(secs(runs)).await;
            println!("{name} arrives after {} s", start.elapsed().as_secs());
        });
    }
    sleep(secs(1)).await;
    println!("go!");
    signal.send_replace(true);
    runners.join_all().await;
}
