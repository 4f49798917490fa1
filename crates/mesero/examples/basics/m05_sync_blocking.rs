//! Four calls of a function that blocks for a second, one after the other.
//!
//! Takes 4 s: washing by hand, one shirt at a time. The last line compares the sum of the calls'
//! times with the elapsed time.
#![expect(clippy::print_stdout, reason = "it is a program to look at")]

use std::time::Duration;

use tokio::time::Instant;

fn main() {
    let start = Instant::now();
    let mut work = Duration::ZERO;
    for num in 0..4 {
        let call_start = Instant::now();
        println!("the square of {num} is {}", slow_square(num));
        work += call_start.elapsed();
    }
    println!("{:.1} s of work in {:.1} s", work.as_secs_f64(), start.elapsed().as_secs_f64());
}

#[expect(clippy::disallowed_methods, reason = "it blocks its thread on purpose")]
fn slow_square(num: u32) -> u32 {
    std::thread::sleep(Duration::from_secs(1));
    num * num
}
