//! A bounded buffer: a cook, faster than the two guests, waits for room on the counter.
//!
//! Takes 5 s: two plates have room on the counter, one guest needs 1 s a plate and one 2.5 s.
//! asyncio's `Condition` is a lock and a `Notify`: check the state, and if it does not fit, wait
//! for a change and check again. (`tokio::sync::mpsc` is such a buffer, ready made.)
#![cfg_attr(not(test), expect(clippy::print_stdout, reason = "it is a program to look at"))]

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    run().await;
}

pub(crate) async fn run() {
    let (counter, start) = (Counter::default(), Instant::now());
    let seconds = || start.elapsed().as_secs_f64();
    let cook = async {
        for plate in 1..=6 {
            counter.change(|plates| (plates.len() < 2).then(|| plates.push_back(plate))).await;
            println!("plate {plate} is on the counter after {:.1} s", seconds());
        }
    };
    let guest = async |plates, pace| {
        for _plate in 0..plates {
            let plate = counter.change(VecDeque::pop_front).await;
            sleep(Duration::from_secs_f64(pace)).await;
            println!("plate {plate} is eaten after {:.1} s", seconds());
        }
    };
    tokio::join!(cook, guest(4, 1.0), guest(2, 2.5));
}

#[derive(Default)]
struct Counter {
    plates: Mutex<VecDeque<u32>>,
    changed: Notify,
}

impl Counter {
    /// Waits until `step` returns a value, and returns that. Dropping the future takes no step.
    async fn change<T>(&self, step: impl Fn(&mut VecDeque<u32>) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified(); // Registered first: no change is missed.
            let done = step(&mut self.plates.lock().unwrap_or_else(PoisonError::into_inner));
            if let Some(done) = done {
                self.changed.notify_waiters();
                return done;
            }
            changed.await;
        }
    }
}
