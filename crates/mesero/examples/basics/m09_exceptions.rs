//! One of ten calls fails: the other nine answers are kept, and only the failed shop is asked
//! again.
//!
//! Takes 2 s and eleven calls. Nothing is raised through the other nine: an error is a value, in
//! the place of the answer, and beside it is the input for the next round. A `Retry` in the
//! dispatcher's policy does the same automatically, with pauses and a budget.
#![cfg_attr(not(test), expect(clippy::print_stdout, reason = "it is a program to look at"))]

use std::collections::BTreeMap;
use std::time::Duration;

use mesero::{Dispatcher, Failure};
use tokio::time::{Instant, sleep};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    run().await
}

pub(crate) async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let opening = Instant::now();
    let shops = Dispatcher::builder("shops").limit(10).build()?;
    let mut prices = BTreeMap::new();
    let mut open: Vec<u32> = (1..=10).collect();
    for round in 1..=2 {
        println!("round {round}: asking {open:?}");
        let asked = std::mem::take(&mut open);
        let mut answers = shops.call_all(asked, move |shop, _attempt| price(shop, opening));
        while let Some(answer) = answers.next().await {
            match answer.result {
                Ok(price) => {
                    prices.insert(answer.input, price);
                }
                Err(error) => {
                    println!("  shop {}: {error}", answer.input);
                    open.push(answer.input);
                }
            }
        }
        println!("  {} prices after {} s", prices.len(), opening.elapsed().as_secs());
    }
    Ok(())
}

/// Shop 7 opens a second later than the others.
async fn price(shop: u32, opening: Instant) -> Result<u32, Failure> {
    if shop == 7 && opening.elapsed() < Duration::from_secs(1) {
        return Err(Failure::unreachable("still closed"));
    }
    sleep(Duration::from_secs(1)).await;
    Ok(100 + shop)
}
