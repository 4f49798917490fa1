//! Two callers need the value of the key `status` at the same time, and a third needs it later.
//!
//! The first finds no entry in the cache and calls the remote, which takes a second. The second
//! joins that job, and shares its answer. The third finds the entry. Takes 1 s and one remote
//! request.
#![cfg_attr(not(test), expect(clippy::print_stdout, reason = "it is a program to look at"))]

use std::time::Duration;

use mesero::{Cache, Call, Dispatcher, Failure};
use tokio::time::{Instant, sleep};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    run().await
}

pub(crate) async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let cache = Cache::new(Duration::from_secs(60), 1 << 20, String::len);
    let remote = Dispatcher::builder("remote").coalesce().cache(cache).build()?;
    let ask = async || remote.ask(Call::new("status"), |_attempt| fetch()).await;

    let (first, second) = tokio::join!(ask(), ask());
    let third = ask().await;
    for answer in [first, second, third] {
        println!("{} ({:?})", answer.result?, answer.report.origin);
    }
    println!("{} s in all", start.elapsed().as_secs());
    Ok(())
}

async fn fetch() -> Result<String, Failure> {
    println!("a remote request");
    sleep(Duration::from_secs(1)).await;
    Ok("the restaurant is open".to_owned())
}
