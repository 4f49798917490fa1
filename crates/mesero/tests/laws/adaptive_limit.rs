//! A limit that finds itself, before a resource that knows what it serves.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use mesero::{
    AdaptiveLimit, Call, Dispatcher, DispatcherBuilder, Event, Fact, Failure, LimitFinding,
};
use tokio::time::{sleep, timeout};

/// A resource that serves eight calls at once in 52 ms each. With more, it serves 80 a second.
#[derive(Clone, Default)]
struct Fragile {
    at_once: Arc<AtomicUsize>,
    served: Arc<AtomicUsize>,
}

impl Fragile {
    async fn serve(self) -> Result<(), Failure> {
        let at_once = self.at_once.fetch_add(1, Ordering::Relaxed) + 1;
        let busy = if at_once <= 8 { 52.0 } else { at_once as f64 * 1_000.0 / 80.0 };
        sleep(Duration::from_secs_f64(busy / 1_000.0)).await;
        self.at_once.fetch_sub(1, Ordering::Relaxed);
        self.served.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Keeps the queue full for some seconds; returns the number of calls that were served.
async fn overload(dispatcher: &Dispatcher<()>, seconds: u64) -> usize {
    call(dispatcher, 100, seconds).await
}

/// Makes calls for some seconds, so many at once.
async fn call(dispatcher: &Dispatcher<()>, callers: usize, seconds: u64) -> usize {
    let fragile = Fragile::default();
    let callers = (0..callers).map(async |_| {
        loop {
            let fragile = fragile.clone();
            dispatcher.call(Call::unkeyed(), move |_| fragile.clone().serve()).await.unwrap();
        }
    });
    let _: Result<Vec<()>, _> = timeout(Duration::from_secs(seconds), join_all(callers)).await;
    fragile.served.load(Ordering::Relaxed)
}

fn between(min: usize, max: usize) -> DispatcherBuilder<()> {
    let bounds = AdaptiveLimit::between(min, max).unwrap();
    Dispatcher::builder("fragile").adaptive_limit(bounds)
}

#[tokio::test(start_paused = true)]
async fn an_adaptive_limit_serves_95_percent_of_what_the_best_fixed_one_serves() {
    let fixed = |limit| Dispatcher::<()>::builder("fragile").limit(limit).build().unwrap();
    let best = overload(&fixed(8), 120).await;
    assert!(overload(&fixed(16), 120).await < best * 6 / 10);
    let adaptive = between(1, 200).build().unwrap();
    let served = overload(&adaptive, 120).await;
    assert!(served * 100 >= best * 95, "{served} of {best}");
    assert_eq!(adaptive.stats().calls.refused, 0);
    adaptive.stats().check().unwrap();
}

#[tokio::test(start_paused = true)]
async fn every_change_of_the_limit_is_a_fact_within_the_bounds() {
    let changes = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&changes);
    let observer = move |event: &Event| {
        if let Fact::LimitChanged { from, to, is_trial } = event.fact {
            sink.lock().unwrap().push((from, to, is_trial));
        }
    };
    let dispatcher = between(2, 6).observer(observer).build().unwrap();
    assert_eq!(dispatcher.limit(), 4);
    overload(&dispatcher, 60).await;
    let changes = changes.lock().unwrap();
    assert!(changes.windows(2).all(|pair| pair[0].1 == pair[1].0));
    assert!(changes.iter().all(|(_, to, _)| (2..=6).contains(to)));
    let settled = changes.iter().rfind(|(.., is_trial)| !is_trial);
    assert_eq!(settled.map(|(_, to, _)| *to), Some(6));
    assert_eq!(dispatcher.stats().slots.limit_changes, changes.len() as u64);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_set_by_hand_no_longer_finds_itself() {
    let dispatcher = between(1, 200).build().unwrap();
    dispatcher.set_limit(3.try_into().unwrap());
    assert_eq!((dispatcher.limit(), dispatcher.adaptive_limit()), (3, None));
    overload(&dispatcher, 30).await;
    assert_eq!((dispatcher.limit(), dispatcher.stats().slots.limit_changes), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn an_adaptive_limit_is_never_above_the_seats() {
    let mut policy = mesero::Policy::default();
    policy.adaptive_limit = AdaptiveLimit::between(1, 200);
    policy.seats = Some(3.try_into().unwrap());
    let dispatcher = Dispatcher::<()>::builder("fragile").policy(policy).build().unwrap();
    overload(&dispatcher, 30).await;
    assert_eq!(dispatcher.limit(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_fixed_limit_beyond_the_knee_is_found_by_a_load_that_varies() {
    let found = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&found);
    let observer = move |event: &Event| {
        if let Fact::LimitFound { limit, finding } = event.fact {
            sink.lock().unwrap().push((limit, finding));
        }
    };
    let fixed = Dispatcher::<()>::builder("fragile").limit(32).observer(observer).build().unwrap();
    for _ in 0..50 {
        for callers in [4, 8, 100] {
            call(&fixed, callers, 3).await;
        }
    }
    assert_eq!(*found.lock().unwrap(), [(32, LimitFinding::TooHigh { best: 8 })]);
}
