use proptest::prelude::*;

use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn key(number: usize) -> Key {
    Key::from(number.to_string())
}

impl Forecast {
    /// Attempts one after the other, which take no time but what their ends say.
    fn run(&mut self, kind: Option<&Key>, ends: &[RunEnd], now: Instant) {
        for end in ends {
            let id = self.begin(kind, now);
            self.end(id, *end, now);
        }
    }
}

fn finished(ran: u64) -> RunEnd {
    RunEnd::Finished(ms(ran))
}

#[test]
fn long_calls_of_one_kind_say_nothing_about_another() {
    let (mut forecast, now) = (Forecast::default(), Instant::now());
    let (long, short) = (key(1), key(2));
    forecast.run(Some(&long), &[finished(3_000); 12], now);
    forecast.run(Some(&short), &[finished(10); 12], now);
    assert_eq!(forecast.needed(Some(&long), now), Some(ms(3_000)));
    assert_eq!(forecast.needed(Some(&short), now), Some(ms(10)));
    assert_eq!(forecast.needed(None, now), None);
    forecast.run(None, &[finished(500); 8], now);
    assert_eq!(
        (forecast.needed(None, now), forecast.median(None, now)),
        (Some(ms(500)), Some(ms(500)))
    );
}

#[test]
fn a_failed_run_is_no_run_time_and_no_longer_runs() {
    let (mut forecast, now) = (Forecast::default(), Instant::now());
    forecast.run(None, &[finished(500); 8], now);
    let running = forecast.begin(None, now);
    assert!(!forecast.must_try(None, now));
    forecast.end(running, RunEnd::Ignored, now);
    assert!(forecast.must_try(None, now));
    assert_eq!(forecast.needed(None, now), Some(ms(500)));
}

#[test]
fn a_call_may_start_where_none_runs_or_none_was_started_within_a_median_run() {
    let (mut forecast, now) = (Forecast::default(), Instant::now());
    let kind = key(1);
    assert!(forecast.must_try(Some(&kind), now), "an unknown kind");
    forecast.run(Some(&kind), &[finished(500); 8], now);
    assert!(forecast.must_try(Some(&kind), now));
    let first = forecast.begin(Some(&kind), now);
    assert!(!forecast.must_try(Some(&kind), now + ms(499)));
    assert!(forecast.must_try(Some(&kind), now + ms(500)));
    let second = forecast.begin(Some(&kind), now + ms(500));
    assert!(!forecast.must_try(Some(&kind), now + ms(999)));
    forecast.end(first, RunEnd::CutOff(ms(600)), now + ms(999));
    assert!(!forecast.must_try(Some(&kind), now + ms(999)), "the second one runs");
    forecast.end(second, RunEnd::CutOff(ms(499)), now + ms(999));
    assert!(forecast.must_try(Some(&kind), now + ms(999)));
}

#[test]
fn while_no_run_time_is_known_calls_start() {
    let (mut forecast, now) = (Forecast::default(), Instant::now());
    let _running = forecast.begin(None, now);
    assert!(forecast.must_try(None, now) && forecast.needed(None, now).is_none());
}

/// A resource with four slots that takes three times the deadline for a minute, under calls that
/// all have their whole deadline left, and is healthy then.
#[test]
fn a_resource_that_recovers_is_served_again_after_two_calls() {
    let (mut forecast, deadline) = (Forecast::default(), ms(2_000));
    let start = Instant::now();
    let mut running: Vec<(Instant, KindId)> = Vec::new();
    let mut healthy_starts = 0;
    for step in 0..62_000 {
        let now = start + ms(step);
        let healthy = step >= 60_000;
        let time =
            |since: Instant| if since >= start + ms(60_000) { ms(100) } else { 3 * deadline };
        running.retain(|&(since, id)| {
            let ran = now - since;
            if ran >= time(since) {
                forecast.end(id, RunEnd::Finished(ran), now);
            } else if ran >= deadline {
                forecast.end(id, RunEnd::CutOff(ran), now);
            }
            ran < time(since).min(deadline)
        });
        // The front takes a millisecond to start a call.
        let left = deadline - ms(1);
        let too_late = forecast.needed(None, now).is_some_and(|needed| left < needed);
        if running.len() < 4 && (!too_late || forecast.must_try(None, now)) {
            running.push((now, forecast.begin(None, now)));
            healthy_starts += usize::from(healthy);
        }
        if too_late && healthy {
            assert!(
                healthy_starts <= 2,
                "refused after {healthy_starts} calls, {} ms",
                step - 60_000
            );
        }
    }
    assert!(healthy_starts > 70, "four at once, of 100 ms each: {healthy_starts}");
}

#[test]
fn the_idle_kind_that_was_used_least_recently_leaves_the_table() {
    let (mut forecast, now) = (Forecast::default(), Instant::now());
    for number in 0..MAX_KINDS {
        forecast.run(Some(&key(number)), &[finished(10); 8], now);
    }
    forecast.run(Some(&key(0)), &[finished(10); 1], now);
    forecast.run(Some(&key(MAX_KINDS)), &[finished(10); 1], now);
    assert_eq!(forecast.needed(Some(&key(0)), now), Some(ms(10)), "used again since");
    assert_eq!(forecast.needed(Some(&key(1)), now), None);
    assert_eq!(forecast.needed(Some(&key(2)), now), Some(ms(10)));
}

#[test]
fn a_kind_with_a_running_attempt_stays() {
    let (mut forecast, now) = (Forecast::default(), Instant::now());
    let kind = key(0);
    forecast.run(Some(&kind), &[finished(10); 7], now);
    let running = forecast.begin(Some(&kind), now);
    for number in 1..=2 * MAX_KINDS {
        forecast.run(Some(&key(number)), &[finished(10); 1], now);
    }
    forecast.end(running, finished(10), now);
    assert_eq!(forecast.needed(Some(&kind), now), Some(ms(10)));
}

/// The table as a list in the order of use.
#[derive(Default)]
struct Naive(Vec<(Key, usize)>);

impl Naive {
    fn running(&mut self, key: &Key) -> &mut usize {
        let entry = match self.0.iter().position(|(other, _)| other == key) {
            Some(index) => self.0.remove(index),
            None => {
                self.shrink(MAX_KINDS - 1);
                (key.clone(), 0)
            }
        };
        self.0.push(entry);
        &mut self.0.last_mut().unwrap().1
    }

    fn shrink(&mut self, len: usize) {
        if self.0.len() > len
            && let Some(index) = self.0.iter().position(|(_, running)| *running == 0)
        {
            self.0.remove(index);
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Begin(usize),
    End(prop::sample::Index),
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..Default::default() })]
    #[test]
    fn the_table_keeps_the_kinds_of_a_plain_list(
        steps in prop::collection::vec(
            prop_oneof![
                3 => (0..400usize).prop_map(Step::Begin),
                3 => any::<prop::sample::Index>().prop_map(Step::End),
                1 => (0..20usize).prop_map(Step::Begin),
            ],
            500..2_500,
        )
    ) {
        let (mut forecast, mut naive, now) = (Forecast::default(), Naive::default(), Instant::now());
        let mut attempts: Vec<(Key, KindId)> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Begin(kind) => {
                    let key = key(kind);
                    *naive.running(&key) += 1;
                    attempts.push((key.clone(), forecast.begin(Some(&key), now)));
                }
                Step::End(index) if !attempts.is_empty() => {
                    let (key, id) = attempts.swap_remove(index.index(attempts.len()));
                    *naive.running(&key) -= 1;
                    naive.shrink(MAX_KINDS);
                    forecast.end(id, RunEnd::Ignored, now);
                }
                Step::End(_) => {}
            }
            prop_assert_eq!(forecast.named.len(), naive.0.len());
            if number % 100 != 99 {
                continue;
            }
            let kept = forecast.named.iter().map(|(_, named)| (&named.key, named.kind.running));
            let mut kept: Vec<_> = kept.collect();
            let mut expected: Vec<_> = naive.0.iter().map(|(key, running)| (key, *running)).collect();
            kept.sort();
            expected.sort();
            prop_assert_eq!(kept, expected);
            prop_assert_eq!(forecast.indices.len(), forecast.named.len());
        }
    }
}
