use proptest::prelude::*;

use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn finished(ran: u64) -> Run {
    Run { ran: ms(ran), cut_off: false }
}

fn cut_off(ran: u64) -> Run {
    Run { ran: ms(ran), cut_off: true }
}

/// A history of these runs, which all end at the same instant.
fn history(runs: impl IntoIterator<Item = Run>, now: Instant) -> RunHistory {
    let mut history = RunHistory::default();
    for run in runs {
        history.record(run, now);
    }
    history
}

fn needed(history: &mut RunHistory, now: Instant) -> Option<Duration> {
    history.estimates(now).map(|estimates| estimates.needed)
}

/// Remissions under 6-mercaptopurine in weeks, some of which lasted when the study ended
/// (E. J. Freireich et al., Blood 21, 1963), and the survival that textbooks print for them (D. R.
/// Cox, D. Oakes, "Analysis of Survival Data", 1984, table 1.1).
#[test]
fn a_textbook_example_has_the_survival_of_the_textbook() {
    let relapsed = [6, 6, 6, 7, 10, 13, 16, 22, 23].map(finished);
    let lasted = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35].map(cut_off);
    let mut sorted = [relapsed.as_slice(), lasted.as_slice()].concat();
    sorted.sort();
    let steps = [(6, 857), (7, 807), (10, 753), (13, 690), (16, 627), (22, 538), (23, 448)];
    for (weeks, survival) in steps {
        let just = |thousandths: u64| thousandths as f64 / 1_000.0;
        assert_eq!(
            quantile(&sorted, just(survival + 1)),
            Some(ms(weeks)),
            "S falls to {survival} here"
        );
        assert_ne!(
            quantile(&sorted, just(survival - 1)),
            Some(ms(weeks)),
            "and no lower than {survival}"
        );
    }
    assert_eq!(quantile(&sorted, 0.447), None);
    assert_eq!(Estimates::of(&sorted), Some(Estimates { needed: ms(6), median: ms(23) }));
}

#[test]
fn there_is_an_estimate_from_the_eighth_run_on() {
    let now = Instant::now();
    let mut seven = history((1..=7).map(finished), now);
    assert_eq!(seven.estimates(now), None);
    seven.record(finished(8), now);
    assert_eq!(seven.estimates(now), Some(Estimates { needed: ms(1), median: ms(4) }));
}

#[test]
fn the_last_hundred_runs_count() {
    let now = Instant::now();
    let mut history = history((0..100).map(|n| finished(1 + n * 37 % 100)), now);
    assert_eq!(history.estimates(now), Some(Estimates { needed: ms(10), median: ms(50) }));
    // The first three of the hundred were 1, 38 and 75.
    for ran in [60, 40, 60] {
        history.record(finished(ran), now);
    }
    assert_eq!(history.estimates(now), Some(Estimates { needed: ms(11), median: ms(51) }));
}

#[test]
fn where_all_runs_are_cut_off_the_longest_is_the_estimate() {
    let now = Instant::now();
    let mut history = history([1_990, 2_000, 1_800, 300, 2_000, 1_999, 5, 1_700].map(cut_off), now);
    assert_eq!(history.estimates(now), Some(Estimates { needed: ms(2_000), median: ms(2_000) }));
}

#[test]
fn fixed_times_with_jitter_need_no_more_than_their_shortest_tenth() {
    let now = Instant::now();
    // 500 ms and up to 5 ms, in a scattered order; one in three is cut off on its way.
    let jittered = |n: u64| {
        if n.is_multiple_of(3) { cut_off(n * 7 % 500) } else { finished(500 + n * 37 % 6) }
    };
    let needed = needed(&mut history((0..200).map(jittered), now), now);
    assert!(needed <= Some(ms(501)) && needed >= Some(ms(500)), "{needed:?}");
}

#[test]
fn a_tenth_of_short_runs_is_enough_to_ask_for_no_more_than_those() {
    let now = Instant::now();
    let share = |short: u64| {
        history((0..100).map(|n| finished(if n * 41 % 100 < short { 10 } else { 3_000 })), now)
    };
    assert_eq!(needed(&mut share(30), now), Some(ms(10)));
    assert_eq!(needed(&mut share(10), now), Some(ms(10)));
    assert_eq!(needed(&mut share(9), now), Some(ms(3_000)));
}

#[test]
fn runs_that_finished_alone_would_say_that_calls_are_quick() {
    let now = Instant::now();
    // Exponential times with a mean of a second, and deadlines that leave up to half of one.
    let time = |n: u64| -1_000.0 * (1.0 - (n as f64 + 0.5) / 100.0).ln();
    let left = |n: u64| ((n * 37 % 100) * 5) as f64;
    let run = |n| match (time(n), left(n)) {
        (time, left) if time <= left => finished(time as u64),
        (_, left) => cut_off(left as u64),
    };
    let all: Vec<Run> = (0..100).map(|n| run(n * 61 % 100)).collect();
    let only_finished = all.iter().filter(|run| !run.cut_off).copied();
    let truth = -1_000.0 * 0.9_f64.ln();
    let needed = |mut history: RunHistory| needed(&mut history, now).unwrap().as_millis() as f64;
    let (biased, unbiased) =
        (needed(history(only_finished, now)), needed(history(all.clone(), now)));
    assert!((0.8..1.2).contains(&(unbiased / truth)), "{unbiased} instead of {truth}");
    assert!(biased < 0.6 * truth, "{biased} instead of {truth}");
}

#[test]
fn after_two_quick_runs_the_past_no_longer_counts() {
    let now = Instant::now();
    let mut history = history((0..120).map(|_| cut_off(2_000)), now);
    history.record(finished(105), now);
    assert_eq!(needed(&mut history, now), Some(ms(2_000)));
    history.record(finished(100), now);
    assert_eq!(needed(&mut history, now), Some(ms(100)));
    history.record(finished(700), now);
    assert_eq!(history.estimates(now), Some(Estimates { needed: ms(100), median: ms(105) }));
}

#[test]
fn quick_runs_between_runs_that_are_cut_off_show_no_change() {
    let now = Instant::now();
    let mut history = history((0..100).map(|_| finished(1_000)), now);
    for _ in 0..4 {
        history.record(finished(10), now);
        history.record(cut_off(20), now);
    }
    assert_eq!(needed(&mut history, now), Some(ms(1_000)));
}

#[test]
fn a_resource_that_slows_down_is_noticed_after_sixteen_runs() {
    let now = Instant::now();
    let mut history = history((0..100).map(|n| finished(100 + n * 37 % 10)), now);
    for n in 0..15 {
        history.record(finished(400 + n), now);
    }
    // That it was stopped so early says nothing about a change.
    history.record(cut_off(50), now);
    assert_eq!(needed(&mut history, now), Some(ms(101)));
    history.record(finished(420), now);
    assert_eq!(history.estimates(now), Some(Estimates { needed: ms(402), median: ms(408) }));
}

#[test]
fn a_run_counts_for_a_hundred_medians_within_limits() {
    let cases = [(10, 60), (3_000, 300), (30_000, 600), (300_000, 4_800)];
    for (ran, age) in cases {
        let now = Instant::now();
        let mut history = history((0..8).map(|_| finished(ran)), now);
        assert_eq!(needed(&mut history, now + Duration::from_secs(age)), Some(ms(ran)));
        assert_eq!(needed(&mut history, now + ms(age * 1_000 + 1)), None);
    }
}

#[test]
fn two_runs_suffice_after_a_change_until_they_have_aged() {
    let now = Instant::now();
    let mut history = history((0..20).map(|_| finished(1_000)), now);
    history.record(finished(10), now);
    history.record(finished(10), now);
    assert_eq!(needed(&mut history, now), Some(ms(10)));
    let later = now + Duration::from_secs(61);
    history.record(finished(10), later);
    history.record(finished(10), later);
    assert_eq!(needed(&mut history, later), None);
}

/// The rules in their plainest form: everything is kept, and computed again for each question.
#[derive(Default)]
struct Naive {
    runs: Vec<(Instant, Run)>,
    enough: usize,
    quick: usize,
    slow: usize,
}

impl Naive {
    /// The product over the times at which runs finished, as Kaplan and Meier print it.
    fn quantile(&self, survivors: f64) -> Option<Duration> {
        let mut times: Vec<Duration> =
            self.runs.iter().filter(|(_, run)| !run.cut_off).map(|(_, run)| run.ran).collect();
        times.sort();
        times.dedup();
        let mut survival = 1.0;
        for time in times {
            let at_risk = self.runs.iter().filter(|(_, run)| run.ran >= time).count() as f64;
            let ended =
                self.runs.iter().filter(|(_, run)| run.ran == time && !run.cut_off).count() as f64;
            survival *= 1.0 - ended / at_risk;
            if survival <= survivors + 1e-9 {
                return Some(time);
            }
        }
        self.runs.iter().map(|(_, run)| run.ran).max()
    }

    fn estimates(&mut self, now: Instant) -> Option<Estimates> {
        let median = self.quantile(0.5)?;
        let seconds =
            (100.0 * median.as_secs_f64()).clamp(60.0, 600.0).max(16.0 * median.as_secs_f64());
        self.runs.retain(|(ended, _)| now - *ended <= Duration::from_secs_f64(seconds));
        if self.runs.len() < 2 {
            self.enough = 8;
        }
        let estimates = Estimates { needed: self.quantile(0.9)?, median: self.quantile(0.5)? };
        (self.runs.len() >= self.enough.max(2)).then_some(estimates)
    }

    fn record(&mut self, run: Run, now: Instant) {
        if self.enough == 0 {
            self.enough = 8;
        }
        let estimates = self.estimates(now);
        self.runs.push((now, run));
        let len = self.runs.len();
        self.runs.drain(..len.saturating_sub(100));
        match estimates {
            Some(Estimates { needed, .. }) if !run.cut_off && run.ran < needed => {
                self.quick += 1;
                self.slow = 0;
            }
            Some(Estimates { median, .. }) => {
                self.quick = 0;
                self.slow = match (run.ran > median, run.cut_off) {
                    (true, _) => self.slow + 1,
                    (false, true) => self.slow,
                    (false, false) => 0,
                };
            }
            None => (self.quick, self.slow) = (0, 0),
        }
        let keep = if self.quick == 2 {
            self.enough = 2;
            2
        } else if self.slow == 16 {
            16
        } else {
            self.runs.len()
        };
        if keep < self.runs.len() || self.quick == 2 || self.slow == 16 {
            // Aged runs may have left fewer.
            self.runs.drain(..self.runs.len().saturating_sub(keep));
            (self.quick, self.slow) = (0, 0);
        }
        if self.runs.len() >= 8 {
            self.enough = 8;
        }
    }
}

/// Phases of a resource: the number of runs, the shortest, what is added to it, how often one is
/// cut off, and the pause between runs.
fn runs() -> impl Strategy<Value = Vec<(Run, Duration)>> {
    let phase = (1..150usize, 1..3_000u64, 1..3_000u64, 0.0..=1.0, 1..20_000u64);
    let runs = phase.prop_flat_map(|(len, shortest, spread, cut_off, pause)| {
        let run = (shortest..shortest + spread, prop::bool::weighted(cut_off), 0..pause);
        let run = run.prop_map(|(ran, cut_off, pause)| (Run { ran: ms(ran), cut_off }, ms(pause)));
        prop::collection::vec(run, len)
    });
    prop::collection::vec(runs, 1..6).prop_map(|phases| phases.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..Default::default() })]
    #[test]
    fn estimates_are_those_of_the_plain_rules(runs in runs()) {
        let mut now = Instant::now();
        let (mut history, mut naive) = (RunHistory::default(), Naive::default());
        for (run, pause) in runs {
            now += pause;
            history.record(run, now);
            naive.record(run, now);
            prop_assert_eq!(history.estimates(now), naive.estimates(now));
            prop_assert!(history.runs.len() <= WINDOW && history.sorted.is_sorted());
        }
    }
}
