//! The same two waits, as tasks.
//!
//! Takes 2 s, the longer of the two: a task runs from the moment it is spawned, awaited or not. A
//! `JoinSet` is asyncio's `TaskGroup`: tasks do not outlive it.
#![cfg_attr(not(test), expect(clippy::print_stdout, reason = "it is a program to look at"))]

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    run().await;
}

pub(crate) async fn run() {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    tasks.spawn(say_after(1, "hello"));
    tasks.spawn(say_after(2, "world"));
    tasks.join_all().await;
    println!("{} s in all", start.elapsed().as_secs());
}

async fn say_after(seconds: u64, what: &str) {
    sleep(Duration::from_secs(seconds)).await;
    println!("{what}");
}
