//! Three questions at once, and three ways to take the answers.
//!
//! Takes 3 × 3 s, as long as the slowest shop each time. `gather` keeps the order and returns
//! nothing before the last answer; `as_completed` returns each answer at once, without its
//! question. An answer that carries its input has both.
#![cfg_attr(not(test), expect(clippy::print_stdout, reason = "it is a program to look at"))]

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use mesero::Dispatcher;
use tokio::time::{Instant, sleep};

const SHOPS: [&str; 3] = ["harbor", "market", "station"];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    run().await
}

pub(crate) async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let prices = join_all(SHOPS.map(price)).await;
    println!("gather: {prices:?} after {} s", start.elapsed().as_secs());

    let start = Instant::now();
    let mut prices: FuturesUnordered<_> = SHOPS.into_iter().map(price).collect();
    while let Some(price) = prices.next().await {
        println!("as completed: {price} after {} s, from which shop?", start.elapsed().as_secs());
    }

    let start = Instant::now();
    let shops = Dispatcher::builder("shops").limit(3).build()?;
    let mut answers = shops.call_all(SHOPS, |shop, _attempt| async move { Ok(price(shop).await) });
    while let Some(answer) = answers.next().await {
        let (shop, price) = (answer.input, answer.result?);
        println!("with its input: {price} after {} s, from {shop}", start.elapsed().as_secs());
    }
    Ok(())
}

async fn price(shop: &str) -> u32 {
    let (seconds, price) = match shop {
        "harbor" => (3, 50),
        "market" => (1, 70),
        _ => (2, 60),
    };
    sleep(Duration::from_secs(seconds)).await;
    price
}
