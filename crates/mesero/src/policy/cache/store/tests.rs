//! Look-ups at every age of an entry.

use std::time::Duration;

use super::*;
use crate::Failure;

fn rules(bytes: u64) -> Cache<String> {
    Cache::new(secs(60), bytes, String::len)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn broke() -> Error {
    Error::Failed(Failure::lost("it broke"))
}

/// The result of a look-up, as a word.
fn found(store: &mut ReplyStore<String>, now: Instant) -> &'static str {
    match store.look_up(&"k".into(), now) {
        Some(Lookup::Fresh(_)) => "fresh",
        Some(Lookup::Stale { refresh: true, .. }) => "stale, to be refreshed",
        Some(Lookup::Stale { refresh: false, .. }) => "stale",
        Some(Lookup::Failure(_)) => "failure",
        None => "nothing",
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_is_fresh_for_exactly_its_ttl() {
    let (mut store, now) = (ReplyStore::new(rules(10_000)), Instant::now());
    store.insert("k".into(), Arc::new("v".to_owned()), now);
    assert_eq!(found(&mut store, now + Duration::from_nanos(59_999_999_999)), "fresh");
    assert_eq!(found(&mut store, now + secs(60)), "nothing");
}

#[tokio::test(start_paused = true)]
async fn the_use_of_a_stale_reply_depends_on_its_age_and_on_the_last_failure() {
    let rules = rules(10_000).stale_while_revalidate(secs(30)).stale_if_error(secs(100));
    let (mut store, now) = (ReplyStore::new(rules), Instant::now());
    store.insert("k".into(), Arc::new("v".to_owned()), now);
    assert_eq!(found(&mut store, now + secs(60)), "stale, to be refreshed");
    store.insert_failure("k".into(), &broke(), now + secs(60));
    assert_eq!(found(&mut store, now + secs(60)), "stale");
    assert_eq!(found(&mut store, now + secs(61)), "stale, to be refreshed");
    assert_eq!(store.stale_reply(&"k".into(), now + secs(159)).unwrap().age, secs(159));
    assert!(store.stale_reply(&"k".into(), now + secs(160)).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_reply_too_old_to_revalidate_still_replaces_an_error() {
    let (mut store, now) =
        (ReplyStore::new(rules(10_000).stale_if_error(secs(100))), Instant::now());
    store.insert("k".into(), Arc::new("v".to_owned()), now);
    let later = now + secs(90);
    assert_eq!(found(&mut store, later), "nothing");
    assert_eq!(store.stale_reply(&"k".into(), later).unwrap().value.as_str(), "v");
    store.insert_failure("k".into(), &broke(), later);
    assert_eq!(found(&mut store, later), "stale");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_cached_for_its_own_ttl_and_only_if_the_rule_accepts_it() {
    let rules = rules(10_000).negative(secs(5), |error| matches!(error, Error::Failed(_)));
    let (mut store, now) = (ReplyStore::new(rules), Instant::now());
    store.insert_failure("k".into(), &Error::TimedOut { after: secs(1) }, now);
    assert_eq!(found(&mut store, now), "nothing");
    store.insert_failure("k".into(), &broke(), now);
    assert_eq!(found(&mut store, now + Duration::from_nanos(4_999_999_999)), "failure");
    assert_eq!(found(&mut store, now + secs(5)), "nothing");
}

#[tokio::test(start_paused = true)]
async fn the_cached_bytes_never_exceed_the_bound() {
    let rules = rules(10_000).negative(secs(60), |_| true);
    let (mut store, now) = (ReplyStore::new(rules), Instant::now());
    for n in 0..1_000 {
        let long = "x".repeat(n);
        store.insert_failure(
            format!("failure {n}").into(),
            &Error::Failed(Failure::raised(&*long)),
            now,
        );
        store.insert(format!("key {n}").into(), Arc::new(long), now);
        assert!(store.entries.weight() <= 10_000);
    }
    assert!(store.entries.len() > 1);
}
