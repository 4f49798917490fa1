//! Acquire and release around work: what `async with` does, a value does by going out of scope.
//!
//! A table is given back after a meal, after one that fails, and after one that is canceled. `drop`
//! cannot await, so the part of the release that takes time is a task, of a tracker that the program
//! waits for at its end. Takes 5.5 s: 2 s, 2 s, 1 s until a guest is called away, 0.5 s of cleaning.
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
    for (dish, patience) in [(Ok("soup"), 9), (Err("the soup is burnt"), 9), (Ok("soup"), 1)] {
        let end = match timeout(secs(patience), dine(&cleaning, dish)).await {
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
    sleep(secs(2)).await; // Who is called away leaves here,
    println!("  eating {}", dish?); // who complains leaves here,
    Ok(()) // and who is content leaves here.
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
