//! A function call: the caller waits until the function has returned.
//!
//! Prints the kitchen's line before "ordered", because the call is the work. Takes almost no time.
//! `m01_async` is the same program, once more.
#![expect(clippy::print_stdout, reason = "it is a program to look at")]

fn main() {
    println!("ordering soup");
    let soup = cook("soup");
    println!("ordered");
    println!("served: {soup}");
}

fn cook(dish: &str) -> String {
    println!("  the kitchen cooks {dish}");
    format!("hot {dish}")
}
