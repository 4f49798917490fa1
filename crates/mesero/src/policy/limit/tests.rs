use super::*;

fn limit(slots: usize) -> Limit {
    Limit::new(NonZeroUsize::new(slots).unwrap(), None)
}

#[test]
fn the_lowest_free_seat_is_taken_first() {
    let mut limit = limit(3);
    assert_eq!([limit.take(), limit.take(), limit.take()], [Some(0), Some(1), Some(2)]);
    assert!(!limit.can_take());
    assert_eq!(limit.take(), None);
    limit.give_back(2);
    limit.give_back(0);
    assert_eq!([limit.take(), limit.take()], [Some(0), Some(2)]);
}

#[test]
fn a_closed_seat_is_not_granted_until_it_is_opened() {
    let mut limit = limit(2);
    assert_eq!(limit.take(), Some(0));
    limit.close(0);
    limit.close(1);
    assert_eq!((limit.take(), limit.closed()), (None, 2));
    limit.give_back(0);
    assert_eq!(limit.take(), None);
    limit.open(1);
    assert_eq!([limit.take(), limit.take()], [Some(1), None]);
    limit.open(0);
    assert_eq!(limit.take(), Some(0));
}

#[test]
fn lowering_the_limit_takes_no_seat_away() {
    let mut limit = limit(3);
    let seats: Vec<_> = std::iter::from_fn(|| limit.take()).collect();
    limit.resize(NonZeroUsize::MIN);
    assert_eq!((limit.in_use(), limit.ceiling()), (3, 3));
    limit.give_back(seats[2]);
    assert!(!limit.can_take());
    limit.give_back(seats[1]);
    assert_eq!((limit.in_use(), limit.ceiling(), limit.can_take()), (1, 1, false));
    limit.resize(NonZeroUsize::new(2).unwrap());
    assert_eq!([limit.take(), limit.take()], [Some(1), None]);
}

#[test]
fn spare_seats_replace_closed_ones_within_the_limit() {
    let mut limit = Limit::new(NonZeroUsize::new(2).unwrap(), NonZeroUsize::new(3));
    limit.close(0);
    assert_eq!([limit.take(), limit.take(), limit.take()], [Some(1), Some(2), None]);
}
