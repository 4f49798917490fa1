//! Prospects of jobs that wait, and of calls that have not been made.

use std::num::{NonZeroU32, NonZeroUsize};

use mesero::{Call, Eta, Order, PerTenant, Quota, Rate};
use tokio::time::advance;

use crate::harness::{Harness, builder, millis, secs};

#[tokio::test(start_paused = true)]
async fn the_expected_wait_is_a_range_around_the_pace_and_grows_with_the_position() {
    let mut harness = Harness::of(builder().limit(2));
    assert_eq!(harness.outlook(&Call::unkeyed()).eta.map(|eta| eta.expected()), Some(secs(0)));
    harness.train_wait_estimator(secs(4)).await;
    let _callers: Vec<_> = (0..4).map(|n| harness.call_soon(Call::unkeyed(), n)).collect();
    harness.settle().await;
    let jobs = harness.jobs();
    let etas: Vec<_> = jobs.iter().map(|job| job.eta).collect();
    let eta = |low, high| Some(Eta { low: secs(low), high: Some(secs(high)) });
    assert_eq!(etas, [None, None, eta(1, 4), eta(2, 8)]);
    let outlook = harness.outlook(&Call::unkeyed());
    assert_eq!((outlook.position, outlook.eta), (Some(3), eta(3, 12)));
    assert_eq!(outlook.slots, Quota { total: 2, left: 0 });
    harness.stop();
}

#[tokio::test(start_paused = true)]
async fn nothing_is_said_of_a_wait_before_the_pace_is_known() {
    let harness = Harness::of(builder().limit(1));
    let _callers = (harness.unkeyed(0).await, harness.unkeyed(1).await);
    assert_eq!((harness.jobs()[1].position, harness.jobs()[1].eta), (Some(1), None));
    assert_eq!(harness.outlook(&Call::unkeyed()).eta, None);
    harness.stop();
}

#[tokio::test(start_paused = true)]
async fn while_the_newest_is_first_there_is_no_position_and_no_upper_end() {
    let mut harness = Harness::of(builder().limit(1).order(Order::NewestWhenOverloaded));
    harness.train_wait_estimator(secs(2)).await;
    let _callers: Vec<_> = (0..3).map(|n| harness.call_soon(Call::unkeyed(), n)).collect();
    harness.settle().await;
    advance(millis(2_001)).await;
    let outlook = harness.outlook(&Call::unkeyed());
    assert_eq!((outlook.position, outlook.eta), (None, Some(Eta { low: secs(1), high: None })));
    let jobs = harness.jobs();
    assert_eq!(jobs[1].eta, Some(Eta { low: secs(2), high: None }), "a newer one comes first");
    assert_eq!(jobs[2].eta, Some(Eta { low: secs(1), high: None }));
    harness.stop();
}

#[tokio::test(start_paused = true)]
async fn a_tenant_is_told_what_it_has_left_of_its_own_bounds() {
    let mut each = PerTenant::default();
    each.limit = NonZeroUsize::new(2);
    each.queue = Some(5);
    each.rate = Rate::new(NonZeroU32::new(3).unwrap(), secs(60));
    let harness = Harness::of(builder().limit(4).per_tenant(each));
    let call = || Call::unkeyed().tenant("a");
    let _callers = (harness.call(call(), 0).await, harness.call(call(), 1).await);
    let _waits = harness.call(call(), 2).await;
    let left = harness.outlook(&call()).tenant;
    assert_eq!(left.slots, Some(Quota { total: 2, left: 0 }));
    assert_eq!(left.queue, Some(Quota { total: 5, left: 4 }));
    let rate = left.rate.unwrap();
    assert_eq!((rate.total, rate.per, rate.left, rate.reset), (3, secs(60), 0, secs(60)));
    let other = harness.outlook(&Call::unkeyed().tenant("b"));
    assert_eq!(other.tenant.slots.unwrap().left, 2);
    assert_eq!((other.slots.left, other.rate), (2, None));
    harness.stop();
}
