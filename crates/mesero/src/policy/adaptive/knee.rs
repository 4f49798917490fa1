//! The knee of a resource behind a fixed limit, from the numbers of attempts that happen to run at once.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::window::Window;
use super::{Cohort, CohortEnd, LoadSign};

/// Length of an epoch: what is compared ran within it, since a resource is another one an hour later.
const EPOCH: Duration = Duration::from_secs(30);
/// Attempts of a level that are measured in an epoch.
const PER_LEVEL: usize = 64;
/// Attempts of a level without which it is not compared.
const FEW_ATTEMPTS: usize = 20;
/// Loss of throughput that is worth a word, as a logarithm.
const LOSS: f64 = 0.15;
/// Share of the slowdown of a full resource below which a resource counts as one with room.
const ROOM: f64 = 0.25;
/// Epochs that decide, and how many of them have to agree.
const EPOCHS: usize = 5;
const AGREEING: usize = 4;
/// Time between two findings.
const EVERY: Duration = Duration::from_secs(600);

/// A comparison of a fixed limit with the throughput of the resource, by the attempts that happen to
/// run at once.
///
/// ```
/// use mesero::{Event, Fact, LimitFinding};
///
/// let advise = |event: &Event| match event.fact {
///     Fact::LimitFound { limit, finding: LimitFinding::TooHigh { best } } => {
///         eprintln!("the limit is {limit}, but throughput falls when more than {best} run at once");
///     }
///     _ => {}
/// };
/// # mesero::Dispatcher::<u64>::builder("square").observer(advise).build().unwrap();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitFinding {
    /// Throughput falls when more attempts than this run at once.
    TooHigh {
        /// The number of attempts at once with the highest throughput.
        best: usize,
    },
    /// Jobs wait, and attempts take no longer with all slots taken than with half of them.
    TooLow,
}

/// Measures the run times for each number of attempts at once.
#[derive(Debug, Default)]
pub(crate) struct KneeWatch {
    levels: Vec<Level>,
    epoch: u64,
    began: Option<Instant>,
    /// The findings of the last epochs that allowed a comparison.
    votes: VecDeque<Option<LimitFinding>>,
    reported: Option<Instant>,
}

/// Attempts that began while about as many ran.
#[derive(Debug, Default)]
struct Level {
    window: Window,
    /// Sum of the numbers of attempts at once.
    at_once: usize,
    /// The highest of those numbers.
    most: usize,
    /// Attempts that began while jobs waited.
    waited_for: usize,
}

/// The throughput at a level.
#[derive(Debug, Clone, Copy)]
struct Throughput {
    level: usize,
    /// Logarithm of the mean number of attempts at once.
    at_once: f64,
    /// Logarithm of the mean run time, and its standard error.
    ran: f64,
    error: f64,
}

impl Throughput {
    fn log(&self) -> f64 {
        self.at_once - self.ran
    }
}

impl KneeWatch {
    /// Takes the start of an attempt into account, as one of `in_use`.
    pub(crate) fn begun(&mut self, in_use: usize, jobs_wait: bool, now: Instant) -> Option<Cohort> {
        let level = level_of(in_use);
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Level::default);
        }
        let is_over = now - *self.began.get_or_insert(now) > EPOCH;
        let entry = &mut self.levels[level];
        if is_over || entry.window.begun() >= PER_LEVEL {
            return None;
        }
        entry.window.begin();
        entry.at_once += in_use;
        entry.most = entry.most.max(in_use);
        entry.waited_for += usize::from(jobs_wait);
        Some(Cohort(self.epoch << 16 | level as u64))
    }

    /// Takes the end of an attempt into account.
    pub(crate) fn ended(&mut self, CohortEnd { cohort, sign, ran }: CohortEnd) {
        let (epoch, level) = (cohort.0 >> 16, (cohort.0 & 0xFFFF) as usize);
        if epoch != self.epoch {
            return;
        }
        let window = &mut self.levels[level].window;
        match sign {
            LoadSign::Finished => window.finish(ran),
            LoadSign::CutOff | LoadSign::Refused => window.drop_one(),
            LoadSign::None => window.forget(),
        }
    }

    /// Returns what the last epochs have shown, if one ends now.
    pub(crate) fn finding(&mut self, limit: usize, now: Instant) -> Option<LimitFinding> {
        let elapsed = self.began.map_or(Duration::ZERO, |began| now - began);
        // Attempts that take longer than an epoch are known to be among the longest.
        let is_whole = || self.levels.iter().all(|level| level.window.is_whole());
        if elapsed <= EPOCH || (elapsed <= 2 * EPOCH && !is_whole()) {
            return None;
        }
        self.end_epoch(limit);
        self.majority(now)
    }

    fn end_epoch(&mut self, limit: usize) {
        if let Some(vote) = self.compare(limit) {
            self.votes.push_back(vote);
            if self.votes.len() > EPOCHS {
                self.votes.pop_front();
            }
        }
        self.levels.clear();
        self.epoch += 1;
        self.began = None;
    }

    /// The finding of an epoch; `None` if the numbers of attempts at once hardly differed.
    fn compare(&self, limit: usize) -> Option<Option<LimitFinding>> {
        let throughputs: Vec<_> =
            (0..self.levels.len()).filter_map(|n| self.throughput(n)).collect();
        let top = *throughputs.last()?;
        let lower = &throughputs[..throughputs.len() - 1];
        let best = *lower.iter().max_by(|a, b| a.log().total_cmp(&b.log()))?;
        let error = |one: Throughput| (one.error.powi(2) + top.error.powi(2)).sqrt();
        if best.log() - top.log() > LOSS + 2.0 * error(best) {
            return Some(Some(LimitFinding::TooHigh { best: self.levels[best.level].most }));
        }
        let most = &self.levels[top.level];
        let is_limit = most.most == limit && 2 * most.waited_for > most.window.begun();
        let half = lower.iter().rfind(|lower| lower.at_once < (limit as f64 / 2.0).ln() + 0.01);
        let has_room = half.is_some_and(|half| {
            let full = top.at_once - half.at_once;
            top.ran - half.ran + 2.0 * error(*half) < ROOM * full
        });
        Some((is_limit && has_room).then_some(LimitFinding::TooLow))
    }

    fn throughput(&self, level: usize) -> Option<Throughput> {
        let Level { window, at_once, .. } = &self.levels[level];
        let (ran, error) = window.midmean().filter(|_| window.ended() >= FEW_ATTEMPTS)?;
        let at_once = (*at_once as f64 / window.begun() as f64).ln();
        Some(Throughput { level, at_once, ran, error })
    }

    /// Returns the finding of most of the last epochs, once in a while.
    fn majority(&mut self, now: Instant) -> Option<LimitFinding> {
        let too_high = |vote: &Option<LimitFinding>| match vote {
            Some(LimitFinding::TooHigh { best }) => Some(*best),
            _ => None,
        };
        let mut bests: Vec<_> = self.votes.iter().filter_map(too_high).collect();
        let lows = self.votes.iter().filter(|vote| **vote == Some(LimitFinding::TooLow)).count();
        bests.sort_unstable();
        let finding = if bests.len() >= AGREEING {
            LimitFinding::TooHigh { best: bests[bests.len() / 2] }
        } else if lows >= AGREEING {
            LimitFinding::TooLow
        } else {
            return None;
        };
        if self.reported.is_some_and(|reported| now - reported < EVERY) {
            return None;
        }
        self.reported = Some(now);
        self.votes.clear();
        Some(finding)
    }
}

/// The level of so many attempts at once: each number up to 8, then four levels each time that it
/// doubles.
fn level_of(at_once: usize) -> usize {
    if at_once <= 8 {
        return at_once;
    }
    let doublings = at_once.ilog2() as usize;
    let quarter = (at_once >> (doublings - 2)) & 0b11;
    8 + 4 * (doublings - 3) + quarter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_narrow_and_in_order() {
        assert_eq!([1, 8, 9, 10, 12, 14, 16, 20].map(level_of), [1, 8, 8, 9, 10, 11, 12, 13]);
        assert!((1..5_000).all(|n| level_of(n) <= level_of(n + 1)));
    }

    /// Plays epochs in which one after the other of `levels` run at once, each for `ran(n)` seconds.
    fn play(limit: usize, levels: &[usize], ran: impl Fn(usize) -> f64) -> Vec<LimitFinding> {
        let mut watch = KneeWatch::default();
        let zero = Instant::now();
        let mut found = Vec::new();
        for second in 0..600 {
            let at_once = levels[second % levels.len()];
            let begun = zero + Duration::from_secs(second as u64);
            for _ in 0..10 {
                let ran = Duration::from_secs_f64(ran(at_once));
                if let Some(cohort) = watch.begun(at_once, at_once == limit, begun) {
                    watch.ended(CohortEnd { cohort, sign: LoadSign::Finished, ran });
                }
                found.extend(watch.finding(limit, begun + ran));
            }
        }
        found
    }

    #[test]
    fn a_fall_of_throughput_is_found_once_in_ten_minutes() {
        let ran = |n: usize| if n <= 8 { 0.05 } else { n as f64 / 80.0 };
        assert_eq!(play(16, &[4, 8, 16], ran), [LimitFinding::TooHigh { best: 8 }]);
    }

    #[test]
    fn a_resource_with_room_at_the_limit_is_found() {
        assert_eq!(play(4, &[1, 2, 4], |_| 0.05), [LimitFinding::TooLow]);
    }

    #[test]
    fn a_resource_that_is_just_full_at_its_limit_gets_no_finding() {
        assert_eq!(play(8, &[2, 4, 8], |n| 0.05 * (n as f64 / 4.0).max(1.0)), []);
        assert_eq!(play(8, &[8], |_| 0.05), []);
    }
}
