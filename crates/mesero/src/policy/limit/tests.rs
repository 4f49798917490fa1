use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn limit(slots: usize, bound: usize) -> Limit<u32> {
    Limit::new(NonZeroUsize::new(slots).unwrap(), None, bound)
}

#[test]
fn the_lowest_free_seat_is_taken_first() {
    let mut limit = limit(3, 0);
    assert_eq!([limit.try_take(), limit.try_take(), limit.try_take()], [Some(0), Some(1), Some(2)]);
    assert_eq!(limit.try_take(), None);
    assert!(limit.give_back(2).is_none());
    assert!(limit.give_back(0).is_none());
    assert_eq!([limit.try_take(), limit.try_take()], [Some(0), Some(2)]);
}

#[test]
fn a_closed_seat_is_not_granted_until_it_is_opened() {
    let mut limit = limit(2, 10);
    assert_eq!(limit.try_take(), Some(0));
    limit.close(0);
    limit.close(1);
    assert_eq!(limit.try_take(), None);
    limit.enqueue(7, QueueEnd::Back);
    assert!(limit.give_back(0).is_none());
    let grant = limit.open(1).unwrap();
    assert_eq!((grant.waiter, grant.seat), (7, 1));
    assert!(limit.open(0).is_none());
    assert_eq!(limit.try_take(), Some(0));
}

#[test]
fn lowering_the_limit_takes_no_seat_away_and_raising_it_grants_at_once() {
    let mut limit = limit(3, 10);
    let seats: Vec<_> = std::iter::from_fn(|| limit.try_take()).collect();
    assert!(limit.resize(NonZeroUsize::MIN).is_empty());
    assert_eq!((limit.in_use(), limit.ceiling()), (3, 3));
    limit.enqueue(1, QueueEnd::Back);
    limit.enqueue(2, QueueEnd::Back);
    assert!(limit.give_back(seats[2]).is_none());
    assert!(limit.give_back(seats[1]).is_none());
    assert_eq!((limit.in_use(), limit.ceiling()), (1, 1));
    let granted = limit.resize(NonZeroUsize::new(4).unwrap());
    assert_eq!(granted.iter().map(|grant| grant.waiter).collect::<Vec<_>>(), [1, 2]);
}

#[derive(Debug, Clone)]
enum Step {
    Arrive(QueueEnd),
    Leave(prop::sample::Index),
    GiveBack(prop::sample::Index),
    Close(usize),
    Open(usize),
    Resize(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Arrive(QueueEnd::Back)),
        1 => Just(Step::Arrive(QueueEnd::Front)),
        2 => any::<prop::sample::Index>().prop_map(Step::Leave),
        3 => any::<prop::sample::Index>().prop_map(Step::GiveBack),
        1 => (0..6usize).prop_map(Step::Close),
        1 => (0..6usize).prop_map(Step::Open),
        1 => (1..6usize).prop_map(Step::Resize),
    ];
    prop::collection::vec(step, 0..200)
}

/// The same rules, with a plain list.
#[derive(Default)]
struct Model {
    waiting: VecDeque<(u32, QueueIndex)>,
    running: Vec<usize>,
}

impl Model {
    fn granted(&mut self, grants: impl IntoIterator<Item = Grant<u32>>) {
        for grant in grants {
            let (first, _) = self.waiting.pop_front().expect("a waiter");
            assert_eq!(grant.waiter, first, "the first of the queue is next");
            assert!(!self.running.contains(&grant.seat), "a seat has one owner");
            self.running.push(grant.seat);
        }
    }
}

proptest! {
    #[test]
    fn waiters_are_served_in_order_and_no_seat_is_shared_or_lost(steps in steps()) {
        let mut limit = limit(3, 1_000);
        let mut model = Model::default();
        for (step, number) in steps.into_iter().zip(0..) {
            match step {
                Step::Arrive(end) => match limit.try_take() {
                    Some(seat) => {
                        prop_assert!(model.waiting.is_empty(), "no job overtakes the queue");
                        prop_assert!(!model.running.contains(&seat));
                        model.running.push(seat);
                    }
                    None => {
                        let index = limit.enqueue(number, end);
                        match end {
                            QueueEnd::Back => model.waiting.push_back((number, index)),
                            QueueEnd::Front => model.waiting.push_front((number, index)),
                        }
                    }
                },
                Step::Leave(index) if !model.waiting.is_empty() => {
                    let index = index.index(model.waiting.len());
                    let (waiter, index) = model.waiting.remove(index).unwrap();
                    prop_assert_eq!(limit.leave(index), Some(waiter));
                }
                Step::GiveBack(index) if !model.running.is_empty() => {
                    let seat = model.running.swap_remove(index.index(model.running.len()));
                    model.granted(limit.give_back(seat));
                }
                Step::Close(seat) => limit.close(seat),
                Step::Open(seat) => model.granted(limit.open(seat)),
                Step::Resize(slots) => {
                    let grants = limit.resize(NonZeroUsize::new(slots).unwrap());
                    model.granted(grants);
                }
                Step::Leave(_) | Step::GiveBack(_) => {}
            }
            prop_assert_eq!(limit.in_use(), model.running.len());
            prop_assert!(limit.in_use() <= limit.ceiling());
            let waiting: Vec<_> = limit.waiters().copied().collect();
            prop_assert_eq!(waiting, model.waiting.iter().map(|(n, _)| *n).collect::<Vec<_>>());
            prop_assert!(model.waiting.is_empty() || !limit.can_take(), "no job waits while a seat is free");
        }
    }
}
