//! The cost of the engine itself: a call whose work is empty, and a job in a queue of any length.
//!
//! The throughput column counts calls or jobs; its reciprocal is the cost of one.

#![expect(clippy::unwrap_used, reason = "a benchmark that goes wrong ends")]

use std::future::pending;
use std::pin::pin;

use divan::Bencher;
use divan::counter::ItemsCount;
use futures_util::future::join_all;
use futures_util::poll;
use mesero::{Cache, Call, Dispatcher, Key, OnDisconnect, Order, Slot};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::yield_now;

mod peers;

fn main() {
    divan::main();
}

/// Calls in one measured run, so that entering the runtime does not count.
const CALLS: usize = 1_000;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

fn dispatcher(limit: usize) -> mesero::DispatcherBuilder<usize> {
    Dispatcher::builder("empty").limit(limit).queue(usize::MAX).order(Order::Fifo)
}

/// Admitted at once, answered at once.
#[divan::bench]
fn empty_call(bencher: Bencher<'_, '_>) {
    let (runtime, dispatcher) = (runtime(), dispatcher(4).build().unwrap());
    bencher.counter(ItemsCount::new(CALLS)).bench_local(|| {
        runtime.block_on(async {
            for n in 0..CALLS {
                let answer = dispatcher.call(Call::unkeyed(), move |_| async move { Ok(n) });
                divan::black_box(answer.await.unwrap());
            }
        });
    });
}

/// One job for all the calls; an unordered set of their futures is polled along.
#[divan::bench]
fn joined_call(bencher: Bencher<'_, '_>) {
    let (runtime, dispatcher) = (runtime(), dispatcher(4).coalesce().build().unwrap());
    let key = mesero::Key::from("key");
    bencher.counter(ItemsCount::new(CALLS)).bench_local(|| {
        runtime.block_on(join_all((0..CALLS).map(|n| {
            dispatcher.call(Call::new(key.clone()), move |_| async move {
                yield_now().await;
                Ok(n)
            })
        })))
    });
}

#[divan::bench]
fn cache_hit(bencher: Bencher<'_, '_>) {
    let cache = Cache::new(std::time::Duration::from_secs(3_600), 10_000, |_| 8);
    let builder = dispatcher(4).cache(cache);
    let (runtime, dispatcher) = (runtime(), builder.build().unwrap());
    let key = mesero::Key::from("key");
    bencher.counter(ItemsCount::new(CALLS)).bench_local(|| {
        runtime.block_on(async {
            for n in 0..CALLS {
                let answer = dispatcher.call(Call::new(key.clone()), move |_| async move { Ok(n) });
                divan::black_box(answer.await.unwrap());
            }
        });
    });
}

/// Each call but the first waits for the slot of the one before.
#[divan::bench]
fn queued_hand_over(bencher: Bencher<'_, '_>) {
    let (runtime, dispatcher) = (runtime(), dispatcher(1).build().unwrap());
    bencher.counter(ItemsCount::new(CALLS)).bench_local(|| {
        runtime.block_on(join_all((0..CALLS).map(|n| {
            dispatcher.call(Call::unkeyed(), move |_| async move {
                yield_now().await;
                Ok(n)
            })
        })))
    });
}

/// The same by each order, with a hundred tenants, and where they count with all urgencies.
#[divan::bench(args = [Order::Fifo, Order::NewestWhenOverloaded, Order::Priority, Order::Fair])]
fn queued_hand_over_by(bencher: Bencher<'_, '_>, order: Order) {
    let (runtime, dispatcher) = (runtime(), dispatcher(1).order(order).build().unwrap());
    let tenants: Vec<_> = (0..100).map(|tenant| Key::from(tenant.to_string())).collect();
    let urgencies = if order == Order::Priority { 0..8 } else { 3..4 }.cycle();
    bencher.counter(ItemsCount::new(CALLS)).bench_local(|| {
        runtime.block_on(join_all((0..CALLS).zip(urgencies.clone()).map(|(n, urgency)| {
            let call = Call::unkeyed().tenant(tenants[n % 100].clone()).urgency(urgency);
            dispatcher.call(call, move |_| async move {
                yield_now().await;
                Ok(n)
            })
        })))
    });
}

/// A job that holds the only slot, and a queue of jobs without callers behind it.
struct Queue {
    runtime: Runtime,
    dispatcher: Dispatcher<usize>,
    slot: Option<Slot>,
}

impl Queue {
    fn of(len: usize) -> Self {
        let builder = dispatcher(1).on_disconnect(OnDisconnect::Finish);
        let (runtime, dispatcher) = (runtime(), builder.build().unwrap());
        let slot = runtime.block_on(async {
            let (tx, rx) = oneshot::channel();
            let mut tx = Some(tx);
            let answer = dispatcher.call(Call::unkeyed(), move |attempt| {
                if let Some(tx) = tx.take() {
                    let _ = tx.send(attempt.slot().clone());
                }
                async { Ok(0) }
            });
            answer.await.unwrap();
            let slot = rx.await.unwrap();
            for n in 0..len {
                let call = dispatcher.call(Call::unkeyed(), move |_| async move { Ok(n) });
                let _ = poll!(pin!(call));
                // A task that yields lets some sixty others run; all must be in the queue.
                if n % 32 == 0 {
                    yield_now().await;
                }
            }
            yield_now().await;
            slot
        });
        Self { runtime, dispatcher, slot: Some(slot) }
    }
}

/// A job enters behind all others and leaves again.
#[divan::bench(args = [10, 1_000, 100_000, 1_000_000], sample_count = 20, sample_size = 1)]
fn enter_and_leave_a_queue_of(bencher: Bencher<'_, '_>, len: usize) {
    let Queue { runtime, dispatcher, slot } = Queue::of(len);
    bencher.counter(ItemsCount::new(CALLS)).bench_local(|| {
        runtime.block_on(async {
            for _ in 0..CALLS {
                let call = dispatcher.call(Call::unkeyed(), |_| pending());
                let _ = poll!(pin!(call));
                let last = dispatcher.stats().jobs.started;
                dispatcher.cancel(last.to_string().parse().unwrap());
                yield_now().await;
            }
        });
    });
    drop(slot);
}

/// All jobs run, one after the other.
#[divan::bench(args = [10, 1_000, 100_000, 1_000_000], sample_count = 3, sample_size = 1)]
fn drain_a_queue_of(bencher: Bencher<'_, '_>, len: usize) {
    let queue = || Queue::of(len);
    bencher.counter(ItemsCount::new(len)).with_inputs(queue).bench_local_refs(|queue| {
        queue.slot = None;
        queue.runtime.block_on(queue.dispatcher.idle());
    });
}
