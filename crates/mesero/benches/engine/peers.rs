//! The same work with comparable libraries.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};

use divan::Bencher;
use divan::counter::ItemsCount;
use futures_core::future::BoxFuture;
use futures_util::future::join_all;
use moka::future::Cache;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio_util::task::TaskTracker;
use tower::limit::ConcurrencyLimit;
use tower::{Service, ServiceExt};

use crate::{CALLS, runtime};

/// The measure of an empty call: a permit, and a task that holds it.
#[divan::bench]
fn empty_semaphore_and_spawn(bencher: Bencher<'_, '_>) {
    let (runtime, tasks, semaphore) = (runtime(), TaskTracker::new(), Arc::new(Semaphore::new(4)));
    bencher.counter(ItemsCount::new(CALLS)).bench_local(|| {
        runtime.block_on(async {
            for n in 0..CALLS {
                let permit = Arc::clone(&semaphore).acquire_owned().await.unwrap();
                let task = tasks.spawn(async move {
                    drop(permit);
                    n
                });
                divan::black_box(task.await.unwrap());
            }
        });
    });
}

#[derive(Clone)]
struct Answers;

impl Service<usize> for Answers {
    type Response = usize;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<'static, Result<usize, Self::Error>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, n: usize) -> Self::Future {
        Box::pin(async move { Ok(n) })
    }
}

/// Runs in the caller's own task, without a visible queue and without cancellation by id.
#[divan::bench]
fn empty_tower_concurrency_limit(bencher: Bencher<'_, '_>) {
    let (runtime, mut service) = (runtime(), ConcurrencyLimit::new(Answers, 4));
    bencher.counter(ItemsCount::new(CALLS)).bench_local(|| {
        runtime.block_on(async {
            for n in 0..CALLS {
                let answer = service.ready().await.unwrap().call(n);
                divan::black_box(answer.await.unwrap());
            }
        });
    });
}

/// Each call but the first waits for the permit of the one before.
#[divan::bench]
fn queued_semaphore_and_spawn(bencher: Bencher<'_, '_>) {
    let (runtime, tasks, semaphore) = (runtime(), TaskTracker::new(), Arc::new(Semaphore::new(1)));
    bencher.counter(ItemsCount::new(CALLS)).bench_local(|| {
        runtime.block_on(async {
            let tasks = (0..CALLS).map(|n| {
                let semaphore = Arc::clone(&semaphore);
                tasks.spawn(async move {
                    let _permit = semaphore.acquire_owned().await.unwrap();
                    yield_now().await;
                    n
                })
            });
            join_all(tasks).await
        })
    });
}

/// As [`queued_semaphore_and_spawn`], where the limit is tower's.
#[divan::bench]
fn queued_tower_concurrency_limit(bencher: Bencher<'_, '_>) {
    let (runtime, service) = (runtime(), ConcurrencyLimit::new(Answers, 1));
    bencher.counter(ItemsCount::new(CALLS)).bench_local(|| {
        runtime.block_on(join_all((0..CALLS).map(|n| {
            let mut service = service.clone();
            async move {
                let answer = service.ready().await.unwrap().call(n);
                yield_now().await;
                answer.await.unwrap()
            }
        })))
    });
}

#[divan::bench]
fn hit_moka_get_with(bencher: Bencher<'_, '_>) {
    let (runtime, cache) = (runtime(), Cache::<Arc<str>, usize>::new(10_000));
    let key: Arc<str> = "key".into();
    bencher.counter(ItemsCount::new(CALLS)).bench_local(|| {
        runtime.block_on(async {
            for n in 0..CALLS {
                let answer = cache.get_with(Arc::clone(&key), async move { n });
                divan::black_box(answer.await);
            }
        });
    });
}

/// A key of its own for every run, so that the callers join a call in flight.
#[divan::bench]
fn joined_moka_get_with(bencher: Bencher<'_, '_>) {
    let (runtime, cache) = (runtime(), Cache::<usize, usize>::new(10_000));
    let runs = AtomicUsize::new(0);
    bencher.counter(ItemsCount::new(CALLS)).bench_local(|| {
        let key = runs.fetch_add(1, Relaxed);
        runtime.block_on(join_all((0..CALLS).map(|n| {
            cache.get_with(key, async move {
                yield_now().await;
                n
            })
        })))
    });
}
