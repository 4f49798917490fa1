//! Random steps in random order: the laws hold, the order is kept, nothing leaks.

use mesero::Order;
use proptest::prelude::*;
use proptest::sample::Index;

mod simulation;

use simulation::{RandomPolicy, Simulation};

/// One step of a random run.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Call(RandomCall),
    Leave(Index),
    Cancel(Index),
    Reply(Index),
    Fail(Index),
    FailForGood(Index),
    Panic(Index),
    KeepSlot(Index),
    ReleaseSlot(Index),
    Pass { milliseconds: u64 },
    Limit(usize),
    Close(usize),
    Open(usize),
    Drain,
}

/// The key, the deadline, the waiting and the claim of a random call.
#[derive(Debug, Clone)]
pub(crate) struct RandomCall {
    pub(crate) key: Option<u32>,
    pub(crate) deadline: Option<u64>,
    pub(crate) waits_for_room: bool,
    pub(crate) tenant: u8,
    pub(crate) urgency: u8,
}

fn random_call() -> impl Strategy<Value = RandomCall> {
    let key = prop_oneof![2 => Just(None), 1 => (0..3u32).prop_map(Some)];
    let deadline = prop_oneof![2 => Just(None), 1 => (1..5_000u64).prop_map(Some)];
    let waits = prop_oneof![3 => Just(false), 1 => Just(true)];
    let claim = (0..3u8, 0..8u8);
    (key, deadline, waits, claim).prop_map(|(key, deadline, waits_for_room, claim)| RandomCall {
        key,
        deadline,
        waits_for_room,
        tenant: claim.0,
        urgency: claim.1,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    prop_oneof![
        12 => random_call().prop_map(Step::Call),
        3 => index().prop_map(Step::Leave),
        2 => index().prop_map(Step::Cancel),
        6 => index().prop_map(Step::Reply),
        3 => index().prop_map(Step::Fail),
        1 => index().prop_map(Step::FailForGood),
        1 => index().prop_map(Step::Panic),
        2 => index().prop_map(Step::KeepSlot),
        3 => index().prop_map(Step::ReleaseSlot),
        4 => (1..3_000u64).prop_map(|milliseconds| Step::Pass { milliseconds }),
        1 => (1..5usize).prop_map(Step::Limit),
        1 => (0..5usize).prop_map(Step::Close),
        2 => (0..5usize).prop_map(Step::Open),
    ]
}

fn policy() -> impl Strategy<Value = RandomPolicy> {
    let orders = [Order::Fifo, Order::NewestWhenOverloaded, Order::Priority, Order::Fair];
    let order = prop::sample::select(orders.to_vec());
    (1..4usize, 0..5usize, any::<[bool; 8]>(), order).prop_map(|(limit, queue, on, order)| {
        RandomPolicy {
            limit,
            queue,
            order,
            bounds_tenants: on[6],
            queue_times_out: on[7],
            coalesces: on[0],
            caches: on[1],
            stale: on[2],
            retries: on[3],
            times_out: on[4],
            finishes: on[5],
        }
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let drains = prop_oneof![3 => Just(None), 1 => any::<Index>().prop_map(Some)];
    (prop::collection::vec(step(), 1..80), drains).prop_map(|(mut steps, drains)| {
        if let Some(index) = drains {
            steps.insert(index.index(steps.len()), Step::Drain);
        }
        steps
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..Default::default() })]

    #[test]
    fn after_every_random_step_the_laws_hold_and_at_the_end_nothing_is_left(policy in policy(), steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut simulation = Simulation::of(policy);
            for step in steps {
                simulation.apply(step).await;
                simulation.check();
            }
            simulation.end().await;
        });
    }
}
