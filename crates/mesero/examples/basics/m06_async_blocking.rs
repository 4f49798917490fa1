//! The four calls of `m05_sync_blocking`, concurrently, with the same function.
//!
//! Takes 1 s: four washing machines. `Blocking` has a thread for each slot of the dispatcher, and
//! the dispatcher has four slots, so a thousand calls would not be a thousand threads.
#![expect(clippy::print_stdout, reason = "it is a program to look at")]

use std::num::NonZeroUsize;
use std::time::Duration;

use mesero::{Blocking, Dispatcher};
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let squares = Dispatcher::builder("square").limit(4).build()?;
    let threads = Blocking::new("square");
    let start = Instant::now();
    let mut work = Duration::ZERO;
    let mut answers = squares
        .call_all(0..4, move |num, attempt| threads.run(&attempt, move || Ok(slow_square(num))))
        .ordered(NonZeroUsize::MIN.saturating_add(3));
    while let Some(answer) = answers.next().await {
        println!("the square of {} is {}", answer.input, answer.result?);
        work += answer.report.ran;
    }
    println!("{:.1} s of work in {:.1} s", work.as_secs_f64(), start.elapsed().as_secs_f64());
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "it blocks its thread on purpose")]
fn slow_square(num: u32) -> u32 {
    std::thread::sleep(Duration::from_secs(1));
    num * num
}
