use std::collections::HashMap;
use std::num::{NonZeroU32, NonZeroUsize};

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::call::Key;
use crate::policy::order::PerTenant;

const RUN: Option<Duration> = Some(Duration::from_millis(500));

/// One slot: the few newest waiters are the newest.
const PACE: Pace = Pace { slots: 1, run: RUN, safe_age: Duration::ZERO };

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A queue whose waiters are the numbers of their jobs, with a clock.
struct Harness {
    queue: WaitingQueue<u64>,
    tickets: HashMap<u64, Ticket>,
    jobs: u64,
    now: Instant,
}

impl Harness {
    fn of(order: Order) -> Self {
        Self::with(order, PerTenant::default())
    }

    fn with(order: Order, each: PerTenant) -> Self {
        let rules = QueueRules { order, bound: 5, head_start: secs(5), tenant_limit: each.limit };
        Self {
            queue: WaitingQueue::new(rules, Tenants::new(each, order)),
            tickets: HashMap::new(),
            jobs: 0,
            now: Instant::now(),
        }
    }

    fn ticket(&mut self, tenant: &str, urgency: u8) -> Ticket {
        let key = Key::from(tenant);
        let tenant = self.queue.tenants.of((!tenant.is_empty()).then_some(&key));
        Ticket { job: JobId(self.jobs), tenant, arrived: self.now, urgency }
    }

    /// Enters a job one millisecond after the last, and returns its number.
    fn push(&mut self, tenant: &str, urgency: u8) -> u64 {
        self.now += Duration::from_millis(1);
        let ticket = self.ticket(tenant, urgency);
        self.queue.tenants.hold(ticket.tenant);
        self.queue.push(&ticket, self.jobs, self.now);
        self.tickets.insert(self.jobs, ticket);
        self.jobs += 1;
        self.jobs - 1
    }

    fn remove(&mut self, job: u64) {
        let ticket = self.tickets[&job];
        assert_eq!(self.queue.remove(&ticket, self.now), Some(job));
        assert_eq!(self.queue.remove(&ticket, self.now), None);
        self.queue.tenants.release(ticket.tenant);
    }

    fn next(&self) -> Option<u64> {
        self.queue.next(&PACE, self.now).copied()
    }

    /// Serves the next job, which holds its slot until the charge is returned.
    fn serve(&mut self) -> Option<(u64, Charge)> {
        let job = self.next()?;
        let tenant = self.tickets[&job].tenant;
        let charge = {
            assert_eq!(self.queue.serve(&self.tickets[&job], 1, self.now), Some(job));
            self.queue.slot_taken(tenant)
        };
        self.queue.tenants.release(tenant);
        Some((job, charge))
    }

    /// Serves jobs one after the other, each for this long, and returns their numbers.
    fn serve_all(&mut self, run: Duration) -> Vec<u64> {
        std::iter::from_fn(|| {
            let (job, charge) = self.serve()?;
            self.now += run;
            self.queue.slot_returned(charge, run);
            Some(job)
        })
        .collect()
    }

    fn displaced(&mut self, tenant: &str, urgency: u8) -> Option<u64> {
        let ticket = self.ticket(tenant, urgency);
        self.queue.displaced(&ticket, RUN, self.now).copied()
    }
}

#[tokio::test(start_paused = true)]
async fn the_newest_is_first_once_the_queue_was_not_empty_for_a_usual_run() {
    let mut queue = Harness::of(Order::NewestWhenOverloaded);
    let jobs: Vec<_> = (0..3).map(|_| queue.push("", 3)).collect();
    assert_eq!((queue.next(), queue.displaced("", 3)), (Some(jobs[0]), None));
    queue.now += RUN.unwrap();
    assert_eq!((queue.next(), queue.displaced("", 3)), (Some(jobs[2]), Some(jobs[0])));
    assert_eq!(queue.queue.in_order(RUN, queue.now), [&jobs[2], &jobs[1], &jobs[0]]);
    let mut served = queue.serve_all(secs(0));
    served.reverse();
    assert_eq!(served, jobs);
    // It was empty.
    let first = queue.push("", 3);
    queue.push("", 3);
    assert_eq!(queue.next(), Some(first));
}

#[tokio::test(start_paused = true)]
async fn of_the_few_newest_the_oldest_is_first_while_they_are_young() {
    let mut queue = Harness::of(Order::NewestWhenOverloaded);
    let old = queue.push("", 3);
    queue.now += secs(2);
    let young: Vec<_> = (0..5).map(|_| queue.push("", 3)).collect();
    let four = |age| Pace { slots: 4, safe_age: age, ..PACE };
    let next = |queue: &Harness, age| queue.queue.next(&four(age), queue.now).copied();
    assert_eq!(next(&queue, secs(0)), Some(young[1]));
    assert_eq!(next(&queue, secs(1)), Some(young[0]), "their callers stay for a second");
    assert_eq!(next(&queue, secs(3)), Some(old));
    queue.now += secs(1);
    queue.now += Duration::from_millis(1);
    assert_eq!(next(&queue, secs(0)), Some(young[4]), "none of them is younger than two runs");
}

#[tokio::test(start_paused = true)]
async fn urgency_is_a_head_start_in_time() {
    let mut queue = Harness::of(Order::Priority);
    let (usual, urgent, idle) = (queue.push("", 3), queue.push("", 0), queue.push("", 7));
    assert_eq!(queue.queue.in_order(RUN, queue.now), [&urgent, &usual, &idle]);
    assert_eq!((queue.displaced("", 3), queue.displaced("", 7)), (Some(idle), None));
    // The most urgent job that arrives after all of the head starts comes behind.
    queue.now += 7 * secs(5);
    let late = queue.push("", 0);
    assert_eq!(queue.serve_all(secs(1)), [urgent, usual, idle, late]);
}

#[tokio::test(start_paused = true)]
async fn a_light_tenant_is_served_next_and_a_heavy_one_by_its_weight() {
    let weights = HashMap::from([(Key::from("double"), NonZeroU32::MIN.saturating_add(1))]);
    let mut queue = Harness::with(Order::Fair, PerTenant { weights, ..PerTenant::default() });
    let heavy: Vec<_> = (0..500).map(|_| queue.push("heavy", 3)).collect();
    assert_eq!(queue.serve().unwrap().0, heavy[0]);
    let light = queue.push("light", 3);
    assert_eq!(queue.next(), Some(light));
    let double: Vec<_> = (0..500).map(|_| queue.push("double", 3)).collect();
    let served = queue.serve_all(secs(1));
    let of_double = served[..300].iter().filter(|job| double.contains(job)).count();
    assert!((199..=201).contains(&of_double), "{of_double} of 300 for a weight of 2 to 1");
}

#[tokio::test(start_paused = true)]
async fn shares_are_of_run_time_not_of_jobs() {
    let mut queue = Harness::of(Order::Fair);
    for _ in 0..100 {
        queue.push("long", 3);
        queue.push("short", 3);
    }
    let mut ran = HashMap::<TenantId, Duration>::new();
    for _ in 0..80 {
        let (_, charge) = queue.serve().unwrap();
        let long = charge.tenant == queue.ticket("long", 3).tenant;
        let run = if long { secs(9) } else { secs(1) };
        queue.queue.slot_returned(charge, run);
        *ran.entry(charge.tenant).or_default() += run;
    }
    let times: Vec<_> = ran.into_values().collect();
    assert!(times[0].abs_diff(times[1]) <= secs(9), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn changing_keys_wins_nothing_once_the_old_ones_are_forgotten() {
    let mut queue = Harness::of(Order::Fair);
    // Nine waiting calls, each with a key of its own, beside one of an honest caller.
    for number in 0..9 {
        queue.push(&format!("key {number}"), 3);
    }
    queue.push("honest", 3);
    let honest = queue.ticket("honest", 3).tenant;
    let mut served = Vec::new();
    for number in 9..10_000 {
        let (_, charge) = queue.serve().unwrap();
        queue.queue.slot_returned(charge, secs(1));
        let is_honest = charge.tenant == honest;
        served.push(is_honest);
        let key = if is_honest { "honest".to_owned() } else { format!("key {number}") };
        queue.push(&key, 3);
    }
    let share = served[5_000..].iter().filter(|honest| **honest).count();
    assert!((2_400..=2_600).contains(&share), "{share} of 4,991");
}

#[tokio::test(start_paused = true)]
async fn a_full_fair_queue_refuses_the_tenant_with_the_most_waiting_jobs() {
    let mut queue = Harness::of(Order::Fair);
    let heavy: Vec<_> = (0..4).map(|_| queue.push("heavy", 3)).collect();
    queue.push("light", 3);
    assert_eq!(queue.displaced("light", 3), Some(heavy[3]));
    assert_eq!(queue.displaced("heavy", 3), None);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_at_its_limit_waits_while_others_pass_in_every_order() {
    for order in [Order::Fifo, Order::NewestWhenOverloaded, Order::Priority, Order::Fair] {
        let limit = NonZeroUsize::new(1);
        let mut queue = Harness::with(order, PerTenant { limit, ..PerTenant::default() });
        let (first, second) = (queue.push("a", 3), queue.push("a", 3));
        let (job, charge) = queue.serve().unwrap();
        assert_eq!((job, queue.next()), (first, None), "{order:?}");
        let other = queue.push("b", 3);
        assert_eq!(queue.serve().unwrap().0, other);
        assert_eq!(queue.next(), None);
        queue.queue.slot_returned(charge, secs(1));
        assert_eq!(queue.next(), Some(second));
    }
}

#[derive(Debug, Clone)]
enum Step {
    Push { tenant: u8, urgency: u8 },
    Remove(Index),
    Serve,
    Return { slot: Index, milliseconds: u64 },
    Pass { milliseconds: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..4u8, 0..URGENCIES).prop_map(|(tenant, urgency)| Step::Push { tenant, urgency }),
        2 => any::<Index>().prop_map(Step::Remove),
        3 => Just(Step::Serve),
        3 => (any::<Index>(), 0..3_000u64)
            .prop_map(|(slot, milliseconds)| Step::Return { slot, milliseconds }),
        1 => (0..700u64).prop_map(|milliseconds| Step::Pass { milliseconds }),
    ];
    prop::collection::vec(step, 0..200)
}

fn orders() -> impl Strategy<Value = Order> {
    let orders = [Order::Fifo, Order::NewestWhenOverloaded, Order::Priority, Order::Fair];
    prop::sample::select(orders.to_vec())
}

/// The job that a plain list would serve, where shares are not fair.
fn expected(
    queue: &Harness,
    waiting: &[u64],
    slots: &[(TenantId, Charge)],
    newest: bool,
) -> Option<u64> {
    let limit = queue.queue.rules.tenant_limit.map_or(usize::MAX, NonZeroUsize::get);
    let may_run = |tenant| slots.iter().filter(|(one, _)| *one == tenant).count() < limit;
    let ready = waiting.iter().copied().filter(|job| may_run(queue.tickets[job].tenant));
    let rank = |job: &u64| queue.queue.rank(&queue.tickets[job]);
    if newest { ready.max_by_key(rank) } else { ready.min_by_key(rank) }
}

proptest! {
    #[test]
    fn the_queue_serves_as_a_plain_list_would(
        order in orders(),
        limit in 0..3usize,
        steps in steps(),
    ) {
        let each = PerTenant { limit: NonZeroUsize::new(limit), ..PerTenant::default() };
        let mut queue = Harness::with(order, each);
        let (mut waiting, mut slots) = (Vec::<u64>::new(), Vec::new());
        let mut filled = None;
        for step in steps {
            match step {
                Step::Push { tenant, urgency } => {
                    let names = ["", "a", "b", "c"];
                    waiting.push(queue.push(names[usize::from(tenant)], urgency));
                }
                Step::Remove(index) if !waiting.is_empty() => {
                    let job = waiting.swap_remove(index.index(waiting.len()));
                    queue.remove(job);
                }
                Step::Serve => {
                    let newest = order == Order::NewestWhenOverloaded
                        && filled.is_some_and(|since| Some(queue.now - since) > RUN);
                    let wanted = expected(&queue, &waiting, &slots, newest);
                    let served = queue.serve();
                    let job = served.map(|(job, _)| job);
                    match order {
                        Order::Fair => prop_assert_eq!(job.is_some(), wanted.is_some()),
                        _ => prop_assert_eq!(job, wanted),
                    }
                    if let Some((job, charge)) = served {
                        waiting.retain(|other| *other != job);
                        slots.push((charge.tenant, charge));
                    }
                }
                Step::Return { slot, milliseconds } if !slots.is_empty() => {
                    let (_, charge) = slots.swap_remove(slot.index(slots.len()));
                    queue.queue.slot_returned(charge, Duration::from_millis(milliseconds));
                }
                Step::Pass { milliseconds } => queue.now += Duration::from_millis(milliseconds),
                Step::Remove(_) | Step::Return { .. } => {}
            }
            filled = if waiting.is_empty() { None } else { Some(filled.unwrap_or(queue.now)) };
            prop_assert_eq!(queue.queue.len(), waiting.len());
            let mut listed: Vec<_> =
                queue.queue.in_order(RUN, queue.now).into_iter().copied().collect();
            listed.sort_unstable();
            waiting.sort_unstable();
            prop_assert_eq!(&listed, &waiting);
        }
    }
}
