//! A function that computes, on a bounded pool of threads, with different numbers of workers.
//!
//! Eight times the same primes, with 1, 2 and 8 workers. As many workers as the machine has cores
//! are enough: more alternate on them, and every call only takes longer. (A function that *waits*
//! differs: it needs as many workers as calls shall wait at once.) The times depend on the machine;
//! the work divided by the workers is the least possible.
#![expect(clippy::print_stdout, reason = "it is a program to look at")]

use std::time::Duration;

use mesero::{Blocking, Dispatcher};
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    for workers in [1, 2, 8] {
        let counts = Dispatcher::builder("primes").limit(workers).build()?;
        let threads = Blocking::new("primes");
        let start = Instant::now();
        let (mut work, mut primes) = (Duration::ZERO, 0);
        let mut answers = counts.call_all([30_000; 8], move |bound, attempt| {
            threads.run(&attempt, move || Ok(count_primes(bound)))
        });
        while let Some(answer) = answers.next().await {
            primes += answer.result?;
            work += answer.report.ran;
        }
        let (work, took) = (work.as_millis(), start.elapsed().as_millis());
        println!("workers: {workers}, primes: {primes}, {work} ms of work in {took} ms");
    }
    Ok(())
}

fn count_primes(bound: u32) -> usize {
    let is_prime = |n: &u32| (2..).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    (2..=bound).filter(is_prime).count()
}
