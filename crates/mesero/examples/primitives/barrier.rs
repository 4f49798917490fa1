//! A computation in phases: heat spreads along a rod, and each task has one piece of it.
//!
//! Takes 3 s, a second a phase. A phase begins when all tasks have ended the last one: twice a
//! phase all tasks meet, between reading the neighbors and writing, and again before they read.
#![cfg_attr(not(test), expect(clippy::print_stdout, reason = "it is a program to look at"))]

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Barrier;
use tokio::time::{Instant, sleep};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    run().await;
}

pub(crate) async fn run() {
    let start = Instant::now();
    let rod = Rod { pieces: Mutex::new([80, 0, 0, 0]), barrier: Barrier::new(4) };
    let piece = async |index: usize| {
        for _phase in 0..3 {
            let (left, right) = (index.saturating_sub(1), (index + 1).min(3));
            let pieces = *rod.pieces();
            let next = (pieces[left] + 2 * pieces[index] + pieces[right]) / 4;
            // The pieces are not all equally fast.
            sleep(Duration::from_secs(1) / (1 + index as u32)).await;
            rod.barrier.wait().await;
            rod.pieces()[index] = next;
            // One of the tasks is the leader.
            if rod.barrier.wait().await.is_leader() {
                println!("{:?} after {} s", rod.pieces(), start.elapsed().as_secs());
            }
        }
    };
    join_all((0..4).map(piece)).await;
}

struct Rod {
    pieces: Mutex<[u32; 4]>,
    barrier: Barrier,
}

impl Rod {
    fn pieces(&self) -> MutexGuard<'_, [u32; 4]> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
