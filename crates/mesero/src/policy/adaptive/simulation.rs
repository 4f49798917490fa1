//! A resource in simulated time, with callers in front of it.

use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use tokio::time::Instant;

use super::{Adaptive, AdaptiveLimit, Cohort, CohortEnd, LoadSign, QueueLevel};

/// The run time of a call that is alone at the resource, in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Work {
    Fixed(f64),
    Exponential(f64),
    /// A tenth takes a hundred times longer.
    Bimodal(f64),
}

impl Work {
    fn draw(self, random: &mut fastrand::Rng) -> f64 {
        match self {
            Work::Fixed(mean) => mean * (0.95 + 0.1 * random.f64()),
            Work::Exponential(mean) => -mean * (1.0 - random.f64()).ln(),
            Work::Bimodal(short) => {
                let long = random.f64() < 0.1;
                short * (0.95 + 0.1 * random.f64()) * if long { 100.0 } else { 1.0 }
            }
        }
    }
}

/// A resource and its callers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scenario {
    /// Of so many calls at the resource at a second: the number of those that make progress, and
    /// the speed of each.
    pub(super) speed: fn(calls: usize, at: f64) -> (usize, f64),
    pub(super) work: Work,
    /// Arrivals a second, at a second; `None`: a call waits at any time.
    pub(super) arrivals: fn(at: f64) -> Option<f64>,
    pub(super) queue: usize,
    pub(super) timeout: f64,
    pub(super) seconds: f64,
    pub(super) seed: u64,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            speed: |n, _| (n, 1.0),
            work: Work::Fixed(0.05),
            arrivals: |_| None,
            queue: 1_000,
            timeout: 1e9,
            seconds: 300.0,
            seed: 1,
        }
    }
}

/// The throughput, the refusals and the limits of a simulation.
#[derive(Debug, Default)]
pub(super) struct SimulatedDay {
    /// Seconds at which calls finished in time.
    finished: Vec<f64>,
    /// Seconds at which calls were refused.
    pub(super) refused: Vec<f64>,
    /// The settled limit and the one in force, with the second and the window from which they are.
    pub(super) limits: Vec<LimitAt>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct LimitAt {
    pub(super) at: f64,
    pub(super) window: u64,
    pub(super) settled: usize,
    pub(super) limit: usize,
}

impl SimulatedDay {
    /// Calls that finished, a second.
    pub(super) fn rate(&self, seconds: Range<f64>) -> f64 {
        let inside = self.finished.iter().filter(|at| seconds.contains(*at)).count();
        inside as f64 / (seconds.end - seconds.start)
    }

    pub(super) fn at(&self, second: f64) -> LimitAt {
        let before = self.limits.iter().rfind(|limit| limit.at <= second);
        *before.expect("there is a limit from the first second on")
    }

    /// Number of windows after a second until the settled limit is within a range for the first
    /// time.
    pub(super) fn windows_until(&self, second: f64, range: RangeInclusive<usize>) -> u64 {
        let found = |limit: &&LimitAt| limit.at >= second && range.contains(&limit.settled);
        let found = self.limits.iter().find(found);
        found.expect("the limit is within the range at some time").window - self.at(second).window
    }
}

struct SimulatedCall {
    began: f64,
    left: f64,
    cohort: Option<Cohort>,
}

/// Simulates a fixed limit.
pub(super) fn fixed(scenario: &Scenario, limit: usize) -> SimulatedDay {
    run(scenario, limit, None)
}

/// Simulates a limit that finds itself.
pub(super) fn adaptive(scenario: &Scenario, min: usize, max: usize) -> SimulatedDay {
    run(scenario, 0, AdaptiveLimit::between(min, max).map(Adaptive::new))
}

fn run(scenario: &Scenario, fixed: usize, mut rule: Option<Adaptive>) -> SimulatedDay {
    let mut random = fastrand::Rng::with_seed(scenario.seed);
    let zero = Instant::now();
    let instant = |at: f64| zero + Duration::from_secs_f64(at);
    let mut outcome = SimulatedDay::default();
    let mut limit = rule.as_ref().map_or(fixed, |rule| rule.limit().get());
    outcome.limits.push(LimitAt { at: 0.0, window: 0, settled: limit, limit });
    let mut running: VecDeque<SimulatedCall> = VecDeque::new();
    let mut waiting = 0_usize;
    let mut at = 0.0;
    let mut next_arrival = 0.0;
    while at < scenario.seconds {
        let saturated = (scenario.arrivals)(at).is_none();
        while running.len() < limit && (saturated || waiting > 0) {
            waiting = waiting.saturating_sub(usize::from(!saturated));
            let work = scenario.work.draw(&mut random);
            let in_use = running.len() + 1;
            let cohort = rule.as_mut().and_then(|rule| rule.begun(in_use, instant(at)));
            running.push_back(SimulatedCall { began: at, left: work, cohort });
        }
        // The next event: an end, a timeout, an arrival, or the end of a second, since the
        // resource changes at seconds.
        let (progressing, speed) = (scenario.speed)(running.len(), at);
        let mut until = at.floor() + 1.0;
        let mut ends = None;
        for (index, call) in running.iter().enumerate() {
            let own = if index < progressing { at + call.left / speed } else { f64::INFINITY };
            let end = own.min(call.began + scenario.timeout).max(at);
            if end <= until {
                (until, ends) = (end, Some((index, own <= call.began + scenario.timeout)));
            }
        }
        let arrives = match (scenario.arrivals)(at) {
            Some(rate) if rate > 0.0 => {
                if next_arrival < at {
                    next_arrival = at - (1.0 - random.f64()).ln() / rate;
                }
                if next_arrival < until {
                    (until, ends) = (next_arrival, None);
                    true
                } else {
                    false
                }
            }
            _ => false,
        };
        for call in running.iter_mut().take(progressing) {
            call.left -= (until - at) * speed;
        }
        at = until;
        if arrives {
            next_arrival = -1.0;
            if running.len() < limit || waiting < scenario.queue {
                waiting += 1;
            } else {
                outcome.refused.push(at);
            }
        }
        let Some((index, is_finished)) = ends else { continue };
        let Some(call) = running.remove(index) else { continue };
        if is_finished {
            outcome.finished.push(at);
        }
        let (Some(rule), Some(cohort)) = (&mut rule, call.cohort) else { continue };
        let sign = if is_finished { LoadSign::Finished } else { LoadSign::CutOff };
        let ran = Duration::from_secs_f64(at - call.began);
        let queue = QueueLevel { len: waiting, bound: scenario.queue };
        rule.ended(CohortEnd { cohort, sign, ran }, queue);
        limit = rule.limit().get();
        let now = LimitAt { at, window: rule.cohort, settled: rule.settled, limit };
        if outcome.limits.last().is_some_and(|last| last.window != now.window) {
            outcome.limits.push(now);
        }
    }
    outcome
}
