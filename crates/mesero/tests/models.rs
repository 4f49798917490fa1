//! Model checking: the real engine, on a scheduler that tries thousands of orders of its tasks.
//!
//! `make models` runs them. A task that is never woken is a deadlock, which the scheduler finds;
//! after every model the laws hold and nothing is left. A failure prints its schedule, for
//! `shuttle::replay`. Operations that cannot change the order are not modeled: tokio's own
//! primitives are single steps here, with a choice before each, and no clock runs.

#![cfg(shuttle)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed model ends")]

use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use futures_util::future::join_all;
use futures_util::poll;
use mesero::{
    Attempt, Call, Dispatcher, DispatcherBuilder, Error, Failure, OnDisconnect, Order, PerTenant,
    Refusal, Slot, Stats,
};
use shuttle::future::{block_on, spawn, yield_now};

/// Orders for each model: random ones, and random ones with few task changes, which find other
/// mistakes.
const ORDERS: usize = 1_000;
/// Task changes in an order of the second kind: more than the known mistakes need.
const CHANGES: usize = 4;

/// Runs a model in many orders; its dispatcher obeys the laws, and nothing is left.
fn model<F: Future<Output = ()> + 'static>(
    builder: impl Fn() -> DispatcherBuilder<u32> + Send + Sync + 'static,
    scenario: impl Fn(Dispatcher<u32>) -> F + Send + Sync + 'static,
) {
    let once = move || {
        block_on(async {
            let dispatcher = builder().build().unwrap();
            scenario(dispatcher.clone()).await;
            dispatcher.idle().await;
            let stats = check(&dispatcher);
            assert!(stats.is_idle(), "{stats:?}");
        });
    };
    let once = Arc::new(once);
    let random = Arc::clone(&once);
    shuttle::check_random(move || random(), ORDERS);
    shuttle::check_pct(move || once(), ORDERS, CHANGES);
}

fn check(dispatcher: &Dispatcher<u32>) -> Stats {
    let stats = dispatcher.stats();
    stats.check().unwrap();
    stats
}

fn builder() -> DispatcherBuilder<u32> {
    Dispatcher::builder("modeled").limit(1).queue(8)
}

/// Work of two steps; no more of it at once than the limit allows.
fn work(
    running: &Arc<AtomicUsize>,
) -> impl FnMut(Attempt) -> futures_core::future::BoxFuture<'static, Result<u32, Failure>> + Send + use<>
{
    let running = Arc::clone(running);
    move |attempt| {
        let running = Arc::clone(&running);
        Box::pin(async move {
            let _running = Running::begin(running);
            yield_now().await;
            Ok(attempt.number())
        })
    }
}

struct Running(Arc<AtomicUsize>);

impl Running {
    fn begin(running: Arc<AtomicUsize>) -> Self {
        assert_eq!(running.fetch_add(1, SeqCst), 0, "one at a time");
        Self(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// Polls a call at most `polls` times, and then leaves it.
async fn leave_after(call: impl Future<Output = Result<u32, Error>>, polls: usize) {
    let mut call = pin!(call);
    for _ in 0..polls {
        if poll!(&mut call).is_ready() {
            return;
        }
        yield_now().await;
    }
}

#[test]
fn a_slot_is_passed_on_and_never_lost_when_callers_leave() {
    model(builder, async |dispatcher| {
        let running = Arc::default();
        let leaves = (1..4).map(|polls| {
            let (dispatcher, work) = (dispatcher.clone(), work(&running));
            spawn(async move { leave_after(dispatcher.call(Call::unkeyed(), work), polls).await })
        });
        let stays = (0..2).map(|_| {
            let (dispatcher, work) = (dispatcher.clone(), work(&running));
            spawn(async move {
                assert_eq!(dispatcher.call(Call::unkeyed(), work).await.unwrap(), 1);
                check(&dispatcher);
            })
        });
        let tasks: Vec<_> = leaves.chain(stays).collect();
        join_all(tasks).await.into_iter().for_each(|task| task.unwrap());
        dispatcher.idle().await;
        let stats = check(&dispatcher);
        assert_eq!(stats.jobs.succeeded + stats.jobs.canceled, 5);
    });
}

#[test]
fn a_slot_held_beyond_its_job_is_passed_on_when_it_is_dropped_on_another_thread() {
    model(builder, async |dispatcher| {
        let (tx, rx) = tokio::sync::oneshot::channel::<Slot>();
        let mut tx = Some(tx);
        let keeps = dispatcher.call(Call::unkeyed(), move |attempt| {
            let _ = tx.take().unwrap().send(attempt.slot().clone());
            async { Ok(0) }
        });
        let waits = {
            let (dispatcher, work) = (dispatcher.clone(), work(&Arc::default()));
            spawn(async move { dispatcher.call(Call::unkeyed(), work).await.unwrap() })
        };
        let drops = spawn(async move { drop(rx.await.unwrap()) });
        keeps.await.unwrap();
        assert_eq!(waits.await.unwrap(), 1);
        drops.await.unwrap();
    });
}

#[test]
fn the_last_slot_wakes_a_task_that_waits_for_idleness() {
    model(builder, async |dispatcher| {
        let (tx, rx) = tokio::sync::oneshot::channel::<Slot>();
        let mut tx = Some(tx);
        let keeps = dispatcher.call(Call::unkeyed(), move |attempt| {
            let _ = tx.take().unwrap().send(attempt.slot().clone());
            async { Ok(0) }
        });
        spawn(async move {
            let slot = rx.await.unwrap();
            yield_now().await;
            drop(slot);
        });
        keeps.await.unwrap();
    });
}

#[test]
fn all_callers_of_a_job_are_answered_and_it_is_canceled_only_when_all_have_left() {
    for on_disconnect in [OnDisconnect::Cancel, OnDisconnect::Finish] {
        let builder = move || builder().coalesce().on_disconnect(on_disconnect);
        model(builder, async |dispatcher| {
            let running = Arc::default();
            let leaves = (1..3).map(|polls| {
                let (dispatcher, work) = (dispatcher.clone(), work(&running));
                spawn(
                    async move { leave_after(dispatcher.call(Call::new("k"), work), polls).await },
                )
            });
            let stays = (0..2).map(|_| {
                let (dispatcher, work) = (dispatcher.clone(), work(&running));
                spawn(async move {
                    assert_eq!(dispatcher.call(Call::new("k"), work).await.unwrap(), 1);
                    check(&dispatcher);
                })
            });
            let tasks: Vec<_> = leaves.chain(stays).collect();
            join_all(tasks).await.into_iter().for_each(|task| task.unwrap());
        });
    }
}

#[test]
fn a_job_that_is_canceled_in_any_phase_ends_once() {
    model(
        || builder().coalesce(),
        async |dispatcher| {
            let running = Arc::default();
            let calls: Vec<_> = ["a", "b", "b"]
                .map(|key| {
                    let (dispatcher, work) = (dispatcher.clone(), work(&running));
                    spawn(async move {
                        let answer = dispatcher.call(Call::new(key), work).await;
                        assert!(matches!(answer, Ok(1) | Err(Error::Canceled)), "{answer:?}");
                    })
                })
                .into();
            let cancels = spawn({
                let dispatcher = dispatcher.clone();
                async move {
                    for _ in 0..2 {
                        yield_now().await;
                        for job in dispatcher.jobs() {
                            dispatcher.cancel(job.info.id);
                            check(&dispatcher);
                        }
                    }
                }
            });
            join_all(calls).await.into_iter().for_each(|call| call.unwrap());
            cancels.await.unwrap();
        },
    );
}

#[test]
fn a_call_that_waits_for_room_is_admitted_or_refused() {
    model(
        || builder().queue(0),
        async |dispatcher| {
            let running = Arc::default();
            let calls: Vec<_> = (0..3)
                .map(|_| {
                    let (dispatcher, work) = (dispatcher.clone(), work(&running));
                    spawn(async move {
                        let answer = dispatcher.call(Call::unkeyed().wait_for_room(), work).await;
                        assert!(matches!(answer, Ok(1) | Err(Error::Refused(_))), "{answer:?}");
                    })
                })
                .collect();
            let drains = spawn({
                let dispatcher = dispatcher.clone();
                async move {
                    dispatcher.jobs_finished().await;
                    dispatcher.drain();
                }
            });
            join_all(calls).await.into_iter().for_each(|call| call.unwrap());
            drains.await.unwrap();
        },
    );
}

#[test]
fn a_changed_limit_and_closed_seats_leave_no_job_waiting() {
    model(
        || builder().limit(2),
        async |dispatcher| {
            let calls: Vec<_> = (0..3)
                .map(|_| {
                    let dispatcher = dispatcher.clone();
                    spawn(async move {
                        let work = async |attempt: Attempt| {
                            yield_now().await;
                            attempt.slot().seat()
                        };
                        let call = dispatcher.call(Call::unkeyed(), move |attempt| async move {
                            Ok(u32::try_from(work(attempt).await).unwrap())
                        });
                        assert!(call.await.unwrap() < 3);
                    })
                })
                .collect();
            let changes = spawn({
                let dispatcher = dispatcher.clone();
                async move {
                    dispatcher.seats().close(&[0, 1]);
                    dispatcher.set_limit(3.try_into().unwrap());
                    yield_now().await;
                    dispatcher.set_limit(1.try_into().unwrap());
                    dispatcher.seats().open(&[0, 1]);
                }
            });
            join_all(calls).await.into_iter().for_each(|call| call.unwrap());
            changes.await.unwrap();
        },
    );
}

#[test]
fn a_tenant_at_its_limit_is_served_again_when_its_slot_returns() {
    let tenants = || {
        let mut each = PerTenant::default();
        each.limit = NonZeroUsize::new(1);
        builder().limit(2).order(Order::Fair).per_tenant(each)
    };
    model(tenants, async |dispatcher| {
        let (one, other) = (Arc::default(), Arc::default());
        let leaves = (1..3).map(|polls| {
            let (dispatcher, work) = (dispatcher.clone(), work(&one));
            let call = Call::unkeyed().tenant("one");
            spawn(async move { leave_after(dispatcher.call(call, work), polls).await })
        });
        let stays = [("one", &one), ("one", &one), ("other", &other)].map(|(tenant, running)| {
            let (dispatcher, work) = (dispatcher.clone(), work(running));
            let call = Call::unkeyed().tenant(tenant);
            spawn(async move {
                assert_eq!(dispatcher.call(call, work).await.unwrap(), 1);
                check(&dispatcher);
            })
        });
        let tasks: Vec<_> = leaves.chain(stays).collect();
        join_all(tasks).await.into_iter().for_each(|task| task.unwrap());
    });
}

#[test]
fn a_job_whose_place_in_the_queue_is_taken_ends_once() {
    model(
        || builder().queue(1).order(Order::Priority),
        async |dispatcher| {
            let running = Arc::default();
            let calls = [7, 3, 0, 0].map(|urgency| {
                let (dispatcher, work) = (dispatcher.clone(), work(&running));
                let call = Call::unkeyed().urgency(urgency);
                spawn(async move { dispatcher.call(call, work).await })
            });
            let mut served = 0;
            for answer in join_all(calls).await {
                match answer.unwrap() {
                    Ok(_) => served += 1,
                    Err(Error::Refused(Refusal::QueueFull { .. })) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            dispatcher.idle().await;
            let stats = check(&dispatcher);
            assert_eq!(stats.jobs.succeeded, served);
            assert_eq!(stats.calls.refused + stats.jobs.shed + served, 4);
            assert!(served >= 2, "the running and the queued job, at least: {served}");
        },
    );
}
