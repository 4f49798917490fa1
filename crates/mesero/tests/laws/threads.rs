//! The laws on several threads, and after the shutdown of a runtime.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use futures_util::poll;
use mesero::testing::TestDispatcher;
use mesero::{Call, Dispatcher, Error, FailureKind};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinSet, yield_now};

use crate::facts::Tally;

const TASKS: usize = 8;
const CALLS: usize = 1_000;

/// Counts an attempt as running, until it ends or is dropped.
struct Running(Arc<AtomicUsize>);

impl Running {
    fn begin(running: Arc<AtomicUsize>) -> Self {
        assert!(running.fetch_add(1, SeqCst) < 3, "never more than the limit");
        Self(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_laws_hold_for_eight_tasks_on_four_threads() {
    let tally = Tally::default();
    let builder = Dispatcher::builder("shared").limit(3).queue(20).coalesce();
    let dispatcher = TestDispatcher::new(builder.observer(tally.clone()).build().unwrap());
    let running = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (dispatcher, running) = (dispatcher.dispatcher(), Arc::clone(&running));
        tasks.spawn(async move {
            for n in 0..CALLS {
                let call = match n % 3 {
                    0 => Call::new((n % 7).to_string()),
                    1 => Call::unkeyed(),
                    _ => Call::unkeyed().wait_for_room(),
                };
                let running = Arc::clone(&running);
                let mut call = pin!(dispatcher.call(call, move |_| {
                    let running = Arc::clone(&running);
                    async move {
                        let _running = Running::begin(running);
                        yield_now().await;
                        Ok(n)
                    }
                }));
                if (n + task) % 11 == 0 {
                    // Calls, and leaves.
                    let _ = poll!(&mut call);
                    continue;
                }
                let value = call.await.unwrap();
                assert!(value == n || n % 3 == 0 && value % 7 == n % 7);
                dispatcher.stats().check().unwrap();
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    dispatcher.idle().await;
    tally.check(&dispatcher.stats());
    let stats = dispatcher.stats();
    assert_eq!(stats.calls.started, (TASKS * CALLS) as u64);
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

fn is_lost(error: &Error) -> bool {
    matches!(error, Error::Failed(failure) if failure.kind() == FailureKind::Lost)
}

#[test]
fn a_follower_of_a_job_whose_runtime_is_shut_down_gets_an_error_and_does_not_hang() {
    let builder = Dispatcher::<u32>::builder("shared").limit(1).coalesce();
    let dispatcher = TestDispatcher::new(builder.build().unwrap());
    let (dies, lives) = (runtime(), runtime());
    for key in ["running", "queued"] {
        let caller = dispatcher.dispatcher();
        let leads = async move { caller.call(Call::new(key), |_| pending()).await };
        let tasks = tokio_util::task::TaskTracker::new();
        tasks.spawn_on(leads, dies.handle());
    }
    dies.block_on(dispatcher.settle());
    assert_eq!(dispatcher.stats().queue.len, 1);
    lives.block_on(async {
        let mut follow = pin!(futures_util::future::join(
            dispatcher.call(Call::new("running"), |_| pending()),
            dispatcher.call(Call::new("queued"), |_| pending()),
        ));
        assert!(poll!(&mut follow).is_pending());
        dies.shutdown_background();
        let (running, queued) = follow.await;
        assert!(is_lost(&running.unwrap_err()) && is_lost(&queued.unwrap_err()));
        dispatcher.idle().await;
        assert_eq!(dispatcher.call(Call::unkeyed(), |_| async { Ok(7) }).await.unwrap(), 7);
        dispatcher.idle().await;
    });
}

#[test]
fn a_runtime_that_is_shut_down_takes_its_calls_and_their_slots_with_it() {
    let dispatcher =
        TestDispatcher::new(Dispatcher::<u32>::builder("shared").limit(2).build().unwrap());
    let dies = runtime();
    let tasks = tokio_util::task::TaskTracker::new();
    for _ in 0..5 {
        let caller = dispatcher.dispatcher();
        let call = async move { caller.call(Call::unkeyed(), |_| pending()).await };
        tasks.spawn_on(call, dies.handle());
    }
    dies.block_on(dispatcher.settle());
    assert_eq!((dispatcher.stats().slots.in_use, dispatcher.stats().queue.len), (2, 3));
    drop(dies);
    assert!(dispatcher.stats().is_idle());
}
