//! Overload: what callers get that leave, and that stay, beside a simulated scheduler on the same
//! arrivals.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mesero::testing::TestDispatcher;
use mesero::{Attempt, Call, Dispatcher, DispatcherBuilder, Failure};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::task::TaskTracker;

use crate::harness::{millis, secs};

mod scheduler;
mod world;

use scheduler::best;
use world::{Load, Times, World};

/// Slots of the resource.
const LIMIT: usize = 4;
/// The mean time of a call in seconds; the capacity is eight calls a second.
const MEAN: f64 = 0.5;
/// An answer later than this is of no use to its caller.
const CALLER_TIMEOUT: Duration = secs(2);
/// The measured part begins when the queue is what it becomes.
const WARM_UP: Duration = secs(15);
const LENGTH: Duration = secs(90);

/// Work that stops when it is dropped, work that does not, and callers that never leave either.
const WORLDS: [(bool, bool); 3] = [(true, true), (true, false), (false, false)];

/// The work that is useful, as a share of what the best simulated scheduler reaches.
async fn share_of_best(world: World, builder: DispatcherBuilder<()>) -> f64 {
    world.goodput(builder).await / best(world)
}

async fn assert_shares(load: f64, times: Times, bars: [f64; 3]) {
    for ((leaves, stops), bar) in WORLDS.into_iter().zip(bars) {
        let world = World { load: Load::steady(load), times, leaves, stops };
        let share = share_of_best(world, Dispatcher::builder("default")).await;
        assert!(share >= bar, "{share:.3} of the best in {world:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn fixed_times_at_any_overload_lose_nothing() {
    assert_shares(2.0, Times::Fixed, [0.99; 3]).await;
    assert_shares(5.0, Times::Fixed, [0.99; 3]).await;
}

#[tokio::test(start_paused = true)]
async fn near_the_capacity_callers_that_leave_show_their_timeouts() {
    // From callers that stay nothing can be learned: some slots go to those that no longer want
    // their answer.
    assert_shares(0.9, Times::Fixed, [0.98, 0.98, 0.95]).await;
    assert_shares(1.1, Times::Fixed, [0.98, 0.98, 0.95]).await;
}

#[tokio::test(start_paused = true)]
async fn exponential_times_under_overload_come_close_to_the_best() {
    assert_shares(1.1, Times::Exponential, [0.93, 0.93, 0.90]).await;
    assert_shares(2.0, Times::Exponential, [0.93, 0.93, 0.93]).await;
    assert_shares(5.0, Times::Exponential, [0.93, 0.93, 0.93]).await;
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_known_does_no_harm() {
    for (load, bar) in [(1.1, 0.96), (2.0, 0.99)] {
        for (leaves, stops) in WORLDS {
            let world = World { load: Load::steady(load), times: Times::Fixed, leaves, stops };
            let told = Dispatcher::builder("told").deadline(CALLER_TIMEOUT);
            let share = share_of_best(world, told).await;
            assert!(share >= bar, "{share:.3} in {world:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_overload_ends_the_last_failure_is_within_twice_the_timeout() {
    for (leaves, stops) in WORLDS {
        let load = Load { first: 3.0, until: secs(30), then: 0.5 };
        let world = World { load, times: Times::Fixed, leaves, stops };
        let last = world.last_failure(Dispatcher::builder("default")).await;
        assert!(last <= secs(30) + 2 * CALLER_TIMEOUT, "a caller of {last:?} fails in {world:?}");
    }
}

/// Twelve clients, of which each sends its next call when it has its answer.
#[tokio::test(start_paused = true)]
async fn clients_that_wait_and_come_again_are_soon_served_in_turn() {
    let dispatcher = Dispatcher::builder("default").limit(LIMIT).build().unwrap();
    let dispatcher = TestDispatcher::new(dispatcher);
    let (tasks, start) = (TaskTracker::new(), Instant::now());
    let clients: Vec<_> = (0..12)
        .map(|_| {
            let dispatcher = dispatcher.dispatcher();
            tasks.spawn(async move {
                let mut waits = Vec::new();
                while Instant::now() < start + secs(100) {
                    let work = async |_: Attempt| {
                        sleep(millis(500)).await;
                        Ok(())
                    };
                    let answer = dispatcher.ask(Call::unkeyed(), work).await;
                    answer.result.unwrap();
                    waits.push((start.elapsed(), answer.report.waited));
                }
                waits
            })
        })
        .collect();
    for client in clients {
        let waits = client.await.unwrap();
        let late = waits.iter().filter(|(ended, _)| *ended > secs(30)).map(|(_, waited)| waited);
        // Two rounds of four calls before its own.
        assert!(late.clone().max() <= Some(&millis(1_000)), "{waits:?}");
        assert!(late.count() >= 40, "each has its share");
    }
}
