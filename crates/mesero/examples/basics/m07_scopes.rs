//! Acquire and release around work: a value does by going out of scope what `async with` does.
//!
//! A table is given back after each meal. `drop` cannot await, so the slow part of the release is a
//! task of a tracker. Takes 5.5 s: 2 s, 2 s, 1 s until a guest is called away, 0.5 s of cleaning.
#![cfg_attr(not(test), expect(clippy::print_stdout, reason = "it is a program to look at"))]

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    run().await;
}

pub(crate) async fn run() {
    let start = Instant::now();
    let cleaning = TaskTracker::new();
    for (dish, limit) in [(Ok("soup"), 9), (Err("the soup is burnt"), 9), (Ok("soup"), 1)] {
        let end = match timeout(secs(limit), dine(&cleaning, dish)).await {
            Ok(Ok(())) => "the guest is content",
            Ok(Err(complaint)) => complaint,
            Err(_elapsed) => "the guest was called away",
        };
        println!("{end} after {} s", start.elapsed().as_secs());
    }
    cleaning.close();
    cleaning.wait().await;
    println!("closed after {:.1} s", start.elapsed().as_secs_f64());
}

async fn dine(
    cleaning: &TaskTracker,
    dish: Result<&str, &'static str>,
) -> Result<(), &'static str> {
    let _table = Table { cleaning: cleaning.clone() };
    sleep(secs(2)).await; // A guest that is called away leaves here,
    println!("  eating {}", dish?); // a guest that complains leaves here,
    Ok(()) // and a contented guest leaves here.
}

struct Table {
    cleaning: TaskTracker,
}

impl Drop for Table {
    fn drop(&mut self) {
        println!("  the table is given back");
        self.cleaning.spawn(async {
            sleep(secs(1) / 2).await;
            println!("  (and has been cleaned)");
        });
    }
}
