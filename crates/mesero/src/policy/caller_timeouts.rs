//! How long callers stay, learned from those that leave.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::survival::{Run, quantile};

/// Number of times that count: a 10 % quantile then rests on ten of them.
const WINDOW: usize = 100;
/// Number of times from which there is an estimate.
const MIN_TIMES: usize = 40;
/// The age from which a time no longer counts.
const MAX_AGE: Duration = Duration::from_secs(600);
/// Number of times after which the safe age is computed again.
const ENOUGH_NEWS: u32 = 8;
/// The share of callers that the estimate of their stay does not overrate.
const NINE_OF_TEN: f64 = 0.9;
/// The part of the longest occupation that is kept in reserve: for the error of the estimate, and for the
/// way of an answer to its caller.
const RESERVE: u32 = 4;

/// For how long callers stay, and for how long jobs hold a slot while others wait.
///
/// A caller that gets its answer would have stayed for longer: its stay is cut off.
#[derive(Debug, Default)]
pub(crate) struct CallerTimeouts {
    stays: RecentTimes,
    occupations: RecentTimes,
    safe_age: Duration,
    /// Times recorded since `safe_age` was computed.
    news: u32,
}

impl CallerTimeouts {
    /// Records that a caller has left its job after this time.
    pub(crate) fn caller_left(&mut self, stayed: Duration, now: Instant) {
        self.news += 1;
        self.stays.record(Run { ran: stayed, cut_off: false }, now);
    }

    /// Records that a caller of a job that had to wait has got its answer after this time.
    pub(crate) fn caller_stayed(&mut self, stayed: Duration, now: Instant) {
        self.news += 1;
        self.stays.record(Run { ran: stayed, cut_off: true }, now);
    }

    /// Records the time for which a job held its slot.
    pub(crate) fn slot_held(&mut self, held: Duration, now: Instant) {
        self.news += 1;
        self.occupations.record(Run { ran: held, cut_off: false }, now);
    }

    /// The age up to which the caller of a waiting job almost surely stays until its answer; zero
    /// while that is not known.
    pub(crate) fn safe_age(&mut self, now: Instant) -> Duration {
        if self.news >= ENOUGH_NEWS {
            self.news = 0;
            self.safe_age = self.compute_safe_age(now);
        }
        self.safe_age
    }

    fn compute_safe_age(&mut self, now: Instant) -> Duration {
        let stay = self.stays.at(now).and_then(|sorted| quantile(sorted, NINE_OF_TEN));
        let longest = self.occupations.at(now).and_then(|sorted| Some(sorted.last()?.ran));
        let (Some(stay), Some(longest)) = (stay, longest) else { return Duration::ZERO };
        stay.saturating_sub(longest + longest / RESERVE)
    }
}

/// The latest times.
#[derive(Debug, Default)]
struct RecentTimes {
    /// In the order of their ends.
    times: VecDeque<(Instant, Run)>,
    /// The same times by their length.
    sorted: Vec<Run>,
}

impl RecentTimes {
    fn record(&mut self, time: Run, now: Instant) {
        if self.times.len() == WINDOW {
            self.forget_first();
        }
        self.times.push_back((now, time));
        self.sorted.insert(self.sorted.partition_point(|other| *other < time), time);
    }

    /// The times that count now, by their length; `None` while there are too few.
    fn at(&mut self, now: Instant) -> Option<&[Run]> {
        while self.times.front().is_some_and(|(ended, _)| now - *ended > MAX_AGE) {
            self.forget_first();
        }
        (self.times.len() >= MIN_TIMES).then_some(&*self.sorted)
    }

    fn forget_first(&mut self) {
        if let Some((_, first)) = self.times.pop_front()
            && let Ok(index) = self.sorted.binary_search(&first)
        {
            self.sorted.remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// Half of the callers get their answer after a second; the others leave after two.
    fn timeouts(held: u64, now: Instant) -> CallerTimeouts {
        let mut timeouts = CallerTimeouts::default();
        for _ in 0..WINDOW {
            timeouts.caller_stayed(ms(1_000), now);
            timeouts.caller_left(ms(2_000), now);
            timeouts.slot_held(ms(held), now);
        }
        timeouts
    }

    #[test]
    fn callers_that_leave_tell_how_long_the_others_stay() {
        let now = Instant::now();
        assert_eq!(timeouts(400, now).safe_age(now), ms(1_500));
        assert_eq!(timeouts(1_600, now).safe_age(now), ms(0));
    }

    #[test]
    fn the_longest_occupation_counts() {
        let now = Instant::now();
        let mut timeouts = timeouts(400, now);
        (0..ENOUGH_NEWS).for_each(|_| timeouts.slot_held(ms(1_200), now));
        assert_eq!(timeouts.safe_age(now), ms(500));
    }

    #[test]
    fn where_nobody_leaves_no_age_is_safe() {
        let (mut timeouts, now) = (CallerTimeouts::default(), Instant::now());
        for _ in 0..WINDOW {
            timeouts.caller_stayed(ms(1_000), now);
            timeouts.slot_held(ms(100), now);
        }
        assert_eq!(timeouts.safe_age(now), ms(0));
    }

    #[test]
    fn few_times_and_old_times_say_nothing() {
        let now = Instant::now();
        let mut young = CallerTimeouts::default();
        for _ in 1..MIN_TIMES {
            young.caller_left(ms(2_000), now);
            young.slot_held(ms(100), now);
        }
        assert_eq!(young.safe_age(now), ms(0));
        let mut old = timeouts(400, now);
        assert_eq!(old.safe_age(now), ms(1_500));
        let later = now + MAX_AGE + ms(1);
        (0..ENOUGH_NEWS).for_each(|_| old.slot_held(ms(400), later));
        assert_eq!(old.safe_age(later), ms(0));
    }
}
