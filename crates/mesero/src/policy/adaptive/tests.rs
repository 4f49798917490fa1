//! The rule before resources in simulated time.

use super::simulation::{Scenario, SimulatedDay, Work, adaptive, fixed};

const SEEDS: std::ops::RangeInclusive<u64> = 1..=2;

/// Serves up to 8 calls at full speed; beyond, all of them together get half of that.
fn degrades_beyond_eight(calls: usize, _: f64) -> (usize, f64) {
    (calls, if calls <= 8 { 1.0 } else { 80.0 * 0.052 / calls as f64 })
}

/// 16 workers, of which 4 are left from second 100 to 200.
fn workers(at: f64) -> usize {
    if (100.0..200.0).contains(&at) { 4 } else { 16 }
}

/// Calls wait within the resource for one of its workers.
fn queues(calls: usize, at: f64) -> (usize, f64) {
    (calls.min(workers(at)), 1.0)
}

/// Calls share the workers.
fn shares(calls: usize, at: f64) -> (usize, f64) {
    (calls, (workers(at) as f64 / calls as f64).min(1.0))
}

/// Shows that at least `share` of the throughput of a fixed limit is served in these seconds.
#[track_caller]
fn assert_serves(
    scenario: &Scenario,
    limit: usize,
    seconds: (f64, f64),
    share: f64,
) -> SimulatedDay {
    let outcome = adaptive(scenario, 1, 200);
    let seconds = seconds.0..seconds.1;
    let (served, best) =
        (outcome.rate(seconds.clone()), fixed(scenario, limit).rate(seconds.clone()));
    assert!(served >= share * best, "{served:.1} of {best:.1} a second in {seconds:?}");
    outcome
}

#[test]
fn where_throughput_falls_beyond_eight_it_serves_what_eight_serve() {
    for seed in SEEDS {
        let work = Work::Fixed(0.052);
        let scenario = Scenario { speed: degrades_beyond_eight, work, seed, ..Scenario::default() };
        let rates = [4, 8, 16, 64].map(|limit| fixed(&scenario, limit).rate(10.0..300.0).round());
        assert_eq!(rates, [77.0, 154.0, 80.0, 80.0]);
        let outcome = assert_serves(&scenario, 8, (0.0, 300.0), 0.95);
        assert_eq!(outcome.at(300.0).settled, 8);
        assert!(outcome.windows_until(0.0, 8..=8) < 10);
    }
}

#[test]
fn a_resource_that_is_slow_for_seconds_now_and_then_does_not_mislead() {
    fn stops(calls: usize, at: f64) -> (usize, f64) {
        let (running, speed) = degrades_beyond_eight(calls, at);
        (running, if at.rem_euclid(7.0) < 1.0 { speed * 0.05 } else { speed })
    }
    // Each fifth second has less than half of the speed, and another one less than all, by chance.
    fn varies(calls: usize, at: f64) -> (usize, f64) {
        let (running, speed) = degrades_beyond_eight(calls, at);
        let chance = (at.floor() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        (running, speed * [0.4, 0.7, 1.0, 1.0, 1.0][chance as usize % 5])
    }
    for (seed, speed) in SEEDS.flat_map(|seed| [(seed, stops as fn(_, _) -> _), (seed, varies)]) {
        let work = Work::Fixed(0.052);
        let scenario = Scenario { speed, work, seed, seconds: 600.0, ..Scenario::default() };
        let outcome = assert_serves(&scenario, 8, (20.0, 600.0), 0.95);
        assert!(outcome.limits.iter().all(|limit| limit.at < 20.0 || limit.settled == 8));
    }
}

#[test]
fn a_quarter_of_the_capacity_and_all_of_it_again_are_found_within_thirty_windows() {
    for (seed, speed) in SEEDS.flat_map(|seed| [(seed, queues as fn(_, _) -> _), (seed, shares)]) {
        let scenario = Scenario { speed, seed, ..Scenario::default() };
        let outcome = assert_serves(&scenario, 16, (20.0, 100.0), 0.95);
        assert!(outcome.windows_until(100.0, 4..=5) < 30);
        assert_serves(&scenario, 16, (100.0, 200.0), 0.95);
        assert!(outcome.windows_until(200.0, 15..=17) < 30);
        assert_serves(&scenario, 16, (230.0, 300.0), 0.95);
    }
}

#[test]
fn calls_that_get_longer_by_themselves_keep_the_limit() {
    let speed = |calls: usize, at: f64| (calls.min(16), if at < 100.0 { 1.0 } else { 0.25 });
    for seed in SEEDS {
        let scenario = Scenario { speed, seed, ..Scenario::default() };
        let outcome = assert_serves(&scenario, 16, (100.0, 300.0), 0.95);
        assert!((15..=17).contains(&outcome.at(300.0).settled));
    }
}

#[test]
fn a_tenth_of_calls_that_take_a_hundred_times_longer_hide_nothing() {
    let work = Work::Bimodal(0.02);
    for seed in SEEDS {
        let speed = |calls: usize, _| (calls.min(16), 1.0);
        let scenario = Scenario { speed, work, seed, ..Scenario::default() };
        let outcome = assert_serves(&scenario, 16, (60.0, 300.0), 0.95);
        assert!((14..=20).contains(&outcome.at(300.0).settled));
        let speed = degrades_beyond_eight;
        let scenario = Scenario { speed, work, seed, seconds: 600.0, ..Scenario::default() };
        assert_serves(&scenario, 8, (60.0, 600.0), 0.95);
    }
}

#[test]
fn run_times_that_vary_a_lot_cost_less_than_a_tenth() {
    for seed in SEEDS {
        for speed in [queues, shares, degrades_beyond_eight] {
            let work = Work::Exponential(0.05);
            let scenario = Scenario { speed, work, seed, ..Scenario::default() };
            let best = if speed(9, 0.0).1 < 1.0 { 8 } else { 16 };
            assert_serves(&scenario, best, (20.0, 100.0), 0.9);
        }
    }
}

#[test]
fn calls_of_ten_seconds_need_no_fifty_of_them() {
    let work = Work::Fixed(10.0);
    for seed in SEEDS {
        let speed = |calls: usize, _| (calls.min(8), 1.0);
        let scenario = Scenario { speed, work, seed, seconds: 3_000.0, ..Scenario::default() };
        assert_serves(&scenario, 8, (600.0, 3_000.0), 0.95);
    }
}

#[test]
fn when_every_call_times_out_the_limit_falls_and_comes_back_within_thirty_windows() {
    for seed in SEEDS {
        let speed = |calls: usize, at: f64| {
            (calls.min(16), if (100.0..200.0).contains(&at) { 0.01 } else { 1.0 })
        };
        let scenario = Scenario { speed, timeout: 1.0, seed, ..Scenario::default() };
        let outcome = assert_serves(&scenario, 16, (20.0, 100.0), 0.95);
        assert!(outcome.limits.iter().all(|limit| !(101.0..200.0).contains(&limit.at)
            || limit.settled <= outcome.at(101.0).settled));
        assert!(outcome.at(200.0).settled <= 4);
        assert!(outcome.windows_until(200.0, 15..=17) < 30);
        assert_serves(&scenario, 16, (250.0, 300.0), 0.95);
    }
}

#[test]
fn an_idle_night_changes_nothing() {
    let day = 14.0 * 3_600.0;
    for seed in SEEDS {
        let arrivals = |at: f64| if (200.0..50_400.0).contains(&at) { Some(0.0) } else { None };
        let speed = degrades_beyond_eight;
        let work = Work::Fixed(0.052);
        let seconds = day + 100.0;
        let scenario = Scenario { speed, work, arrivals, seconds, seed, ..Scenario::default() };
        let outcome = assert_serves(&scenario, 8, (day, seconds), 0.95);
        assert_eq!(outcome.at(day).settled, outcome.at(200.0).settled);
    }
}

#[test]
fn a_resource_that_is_not_busy_keeps_its_limit() {
    let arrivals = |at: f64| if at < 60.0 { None } else { Some(80.0) };
    let speed = |calls: usize, _| (calls.min(16), 1.0);
    for seed in SEEDS {
        let scenario = Scenario { speed, arrivals, seed, ..Scenario::default() };
        let outcome = adaptive(&scenario, 1, 200);
        let quiet = outcome.limits.iter().filter(|limit| limit.at > 70.0);
        assert!(quiet.map(|limit| limit.settled).all(|limit| limit == outcome.at(70.0).settled));
    }
}

#[test]
fn no_call_is_refused_for_the_sake_of_a_measurement() {
    // Four fifths of the capacity, and a queue that is long enough for a fixed limit.
    let speed = |calls: usize, _| (calls.min(16), 1.0);
    let arrivals = |_| Some(256.0);
    for seed in SEEDS {
        for queue in [40, 1_000] {
            let seconds = 600.0;
            let scenario =
                Scenario { speed, arrivals, queue, seconds, seed, ..Scenario::default() };
            assert_eq!(fixed(&scenario, 16).refused.len(), 0);
            let outcome = adaptive(&scenario, 1, 200);
            let refused: Vec<_> = outcome.refused.iter().filter(|at| **at > 30.0).collect();
            assert!(refused.is_empty(), "refused at {refused:?}");
        }
    }
}

#[test]
fn without_a_queue_no_lower_limit_is_tried() {
    let speed = |calls: usize, _| (calls.min(16), 1.0);
    let arrivals = |_| Some(400.0);
    let scenario = Scenario { speed, arrivals, queue: 0, ..Scenario::default() };
    let outcome = adaptive(&scenario, 1, 200);
    assert!(outcome.limits.iter().all(|limit| limit.limit >= limit.settled));
}

#[test]
fn the_limit_is_never_outside_its_bounds() {
    for (min, max) in [(1, 1), (1, 2), (3, 6), (20, 20), (30, 200)] {
        for seed in SEEDS {
            let scenario = Scenario { speed: shares, seed, timeout: 0.5, ..Scenario::default() };
            let outcome = adaptive(&scenario, min, max);
            assert!(outcome.limits.iter().all(|limit| (min..=max).contains(&limit.limit)));
        }
    }
}
