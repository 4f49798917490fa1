//! Two waits, one after the other.
//!
//! Takes 1 s + 2 s = 3 s: the second future is made and awaited when the first is done. While it
//! awaits, the thread is free, but it has no other task.
#![cfg_attr(not(test), expect(clippy::print_stdout, reason = "it is a program to look at"))]

use std::time::Duration;

use tokio::time::{Instant, sleep};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    run().await;
}

pub(crate) async fn run() {
    let start = Instant::now();
    say_after(1, "hello").await;
    say_after(2, "world").await;
    println!("{} s in all", start.elapsed().as_secs());
}

async fn say_after(seconds: u64, what: &str) {
    sleep(Duration::from_secs(seconds)).await;
    println!("{what}");
}
