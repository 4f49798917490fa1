//! Two bounds on one wait: a timeout for each attempt, and one for the whole.
//!
//! The kitchen needs 3 s for the first attempt, 2 s for the second and 0.5 s for the third, and a
//! guest asks again after a second. Takes 2.5 s for a guest with 3 s in all, and 1.5 s for a guest
//! with 1.5 s. A future that is out of time is dropped where it awaits; nothing of it continues.
#![cfg_attr(not(test), expect(clippy::print_stdout, reason = "it is a program to look at"))]

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    run().await;
}

pub(crate) async fn run() {
    for whole in [3.0, 1.5] {
        println!("a guest with {whole:.1} s");
        let start = Instant::now();
        let end = match timeout(Duration::from_secs_f64(whole), ask_until_served()).await {
            Ok(Some(dish)) => dish,
            Ok(None) => "the kitchen has failed",
            Err(_elapsed) => "the guest has left",
        };
        println!("  {end} after {:.1} s", start.elapsed().as_secs_f64());
    }
}

async fn ask_until_served() -> Option<&'static str> {
    for takes in [3.0, 2.0, 0.5] {
        match timeout(Duration::from_secs(1), cook(takes)).await {
            Ok(dish) => return Some(dish),
            Err(_elapsed) => println!("  no answer within 1 s"),
        }
    }
    None
}

async fn cook(takes: f64) -> &'static str {
    sleep(Duration::from_secs_f64(takes)).await;
    "hot soup"
}
