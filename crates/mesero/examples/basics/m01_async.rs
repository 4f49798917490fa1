//! The program of `m00_sync`, with `async fn`: calling makes a future, and a future does nothing
//! until it is awaited.
//!
//! Prints the kitchen's line after "ordered". A coroutine of asyncio does the same; but where
//! asyncio warns when it runs that one "was never awaited", here the compiler does.
#![cfg_attr(not(test), expect(clippy::print_stdout, reason = "it is a program to look at"))]

#[tokio::main(flavor = "current_thread")]
async fn main() {
    run().await;
}

pub(crate) async fn run() {
    println!("ordering soup");
    let soup = cook("soup");
    println!("ordered");
    println!("served: {}", soup.await);
}

async fn cook(dish: &str) -> String {
    println!("  the kitchen cooks {dish}");
    format!("hot {dish}")
}
