use proptest::prelude::*;

use super::*;

mod overload;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn key(number: usize) -> Key {
    Key::from(number.to_string())
}

impl Forecast {
    fn finish(&mut self, id: KindId, end: RunOutcome, now: Instant) {
        self.record(id, end, now);
        self.end(id);
    }

    fn median(&mut self, kind: Option<&Key>, now: Instant) -> Option<Duration> {
        self.estimates(kind, now).map(|estimates| estimates.median)
    }

    /// Attempts one after the other, which take no time but what their ends say.
    fn run(&mut self, kind: Option<&Key>, ends: &[RunOutcome], now: Instant) {
        for end in ends {
            let id = self.begin(candidate(kind), now);
            self.finish(id, *end, now);
        }
    }
}

/// A call that needs no queue and has no deadline.
fn candidate(kind: Option<&Key>) -> Candidate<'_> {
    Candidate { kind, left: None, waited: false }
}

fn finished(ran: u64) -> RunOutcome {
    RunOutcome::Finished(ms(ran))
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

/// A call of unnamed kind that has too little time.
fn late(waited: bool) -> Candidate<'static> {
    Candidate { kind: None, left: Some(ms(1)), waited }
}

#[test]
fn a_call_with_the_time_that_its_kind_needs_may_begin() {
    let (mut forecast, now) = (Forecast::default(), Instant::now());
    let with = |left| Candidate { left, ..late(true) };
    let _running = forecast.begin(with(None), now);
    assert!(forecast.may_begin(with(Some(ms(1))), now), "no run time is known");
    forecast.run(None, &[finished(500); 8], now);
    let begins =
        [Some(ms(499)), Some(ms(500)), None].map(|left| forecast.may_begin(with(left), now));
    assert_eq!(begins, [false, true, true]);
}

#[test]
fn a_failed_run_is_no_run_time_and_no_longer_runs() {
    let (mut forecast, now) = (Forecast::default(), Instant::now());
    forecast.run(None, &[finished(500); 8], now);
    let running = forecast.begin(candidate(None), now);
    assert!(!forecast.may_begin(late(false), now));
    forecast.finish(running, RunOutcome::Ignored, now);
    assert!(forecast.may_begin(late(false), now));
    assert_eq!(forecast.needed(None, now), Some(ms(500)));
}

#[test]
fn a_call_that_arrives_is_tried_where_none_runs_or_none_began_within_a_median_run() {
    let (mut forecast, start) = (Forecast::default(), Instant::now());
    forecast.run(None, &[finished(500); 8], start);
    assert!(forecast.may_begin(late(false), start));
    let first = forecast.begin(late(false), start);
    assert!(!forecast.may_begin(late(false), start + ms(499)));
    assert!(forecast.may_begin(late(false), start + ms(500)));
    let second = forecast.begin(late(false), start + ms(500));
    forecast.finish(first, RunOutcome::CutOff(ms(600)), start + ms(999));
    assert!(!forecast.may_begin(late(false), start + ms(999)), "the second one runs");
    forecast.finish(second, RunOutcome::CutOff(ms(499)), start + ms(999));
    assert!(forecast.may_begin(late(false), start + ms(999)));
}

#[test]
fn a_call_that_waited_is_tried_two_medians_after_one_in_time_and_one_after_a_try() {
    let (mut forecast, start) = (Forecast::default(), Instant::now());
    forecast.run(None, &[finished(500); 8], start);
    assert!(!forecast.may_begin(late(true), start + ms(999)));
    assert!(forecast.may_begin(late(true), start + ms(1_000)));
    let id = forecast.begin(late(true), start + ms(1_000));
    forecast.finish(id, RunOutcome::CutOff(ms(1)), start + ms(1_001));
    assert!(!forecast.may_begin(late(true), start + ms(1_499)));
    assert!(forecast.may_begin(late(true), start + ms(1_500)));
}

#[test]
fn after_a_quick_run_the_second_one_is_tried_at_once() {
    let (mut forecast, now) = (Forecast::default(), Instant::now());
    forecast.run(None, &[RunOutcome::CutOff(ms(2_000)); 20], now);
    assert!(!forecast.may_begin(late(true), now));
    forecast.run(None, &[finished(50)], now);
    assert!(forecast.may_begin(late(true), now));
    let running = forecast.begin(late(true), now);
    assert!(!forecast.may_begin(late(true), now), "one at a time");
    forecast.finish(running, finished(50), now);
    assert_eq!(forecast.needed(None, now), Some(ms(50)));
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
    let running = forecast.begin(candidate(Some(&kind)), now);
    for number in 1..=2 * MAX_KINDS {
        forecast.run(Some(&key(number)), &[finished(10); 1], now);
    }
    forecast.finish(running, finished(10), now);
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
                    attempts.push((key.clone(), forecast.begin(candidate(Some(&key)), now)));
                }
                Step::End(index) if !attempts.is_empty() => {
                    let (key, id) = attempts.swap_remove(index.index(attempts.len()));
                    *naive.running(&key) -= 1;
                    naive.shrink(MAX_KINDS);
                    forecast.finish(id, RunOutcome::Ignored, now);
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
