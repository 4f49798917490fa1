//! The trial of a higher or lower limit: its size, its pauses, and the verdict.

use super::window::{Slowdown, Window};

/// Windows between two trials in a direction, at most. A resource that has got room again is
/// found by the upper ones alone, since its run times do not change.
const PAUSE_UP: u32 = 8;
const PAUSE_DOWN: u32 = 24;
/// Windows in which changes of run times are ignored, at most, after trials that they made due and
/// that failed.
const PAUSE_REACTION: u32 = 12;
/// Windows under a trial's limit after which an unclear comparison ends.
const ROUNDS: u32 = 3;
/// Throughput that may be lost with a lower limit, as a logarithm.
const TOLERANCE: f64 = 0.03;

/// The queue at the end of an attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueLevel {
    pub(crate) len: usize,
    pub(crate) bound: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

/// The size of the next trial in a direction, and the pause before it.
#[derive(Debug)]
pub(super) struct Pace {
    /// The next step, as a share of the limit.
    pub(super) step: f64,
    /// Windows until the next trial.
    pause: u32,
    /// The pause after the last trial that failed.
    backoff: u32,
    longest: u32,
}

/// A limit that is tried, and what has been measured so far.
#[derive(Debug)]
pub(super) struct LimitTrial {
    pub(super) limit: usize,
    pub(super) direction: Direction,
    /// Windows under the settled limit, next to those under the other.
    pub(super) settled: Window,
    pub(super) tried: Window,
    pub(super) round: u32,
    /// It answers a change of run times, which made it due.
    pub(super) is_reaction: bool,
    /// A second comparison has to confirm the first, since that may be chance: a resource that
    /// stops for a second makes one window slow.
    pub(super) is_doubted: bool,
    /// The comparison is unclear, and the settled limit is in force for another window.
    pub(super) is_resting: bool,
    /// The length of the queue at which a lower limit is abandoned.
    queue_limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    Unclear,
    Move(usize),
    /// The next trial's step is changed by this factor.
    Stay {
        step: f64,
    },
}

/// The absolute logarithm of the ratio of two limits.
pub(super) fn log_ratio(one: usize, other: usize) -> f64 {
    (one.max(other) as f64 / one.min(other) as f64).ln()
}

impl Pace {
    pub(super) fn up() -> Self {
        Self { step: 1.0, pause: 0, backoff: 1, longest: PAUSE_UP }
    }

    /// The first trial of a lower limit comes after those of higher ones.
    pub(super) fn down() -> Self {
        Self { step: 1.0, pause: 4, backoff: 4, longest: PAUSE_DOWN }
    }

    pub(super) fn reactions() -> Self {
        Self { step: 1.0, pause: 0, backoff: 1, longest: PAUSE_REACTION }
    }

    pub(super) fn is_due(&self) -> bool {
        self.pause == 0
    }

    /// True if the last trial failed.
    pub(super) fn has_failed(&self) -> bool {
        self.backoff > 1
    }

    pub(super) fn pass(&mut self) {
        self.pause = self.pause.saturating_sub(1);
    }

    /// Waits for at least so many windows.
    pub(super) fn wait(&mut self, windows: u32) {
        self.pause = self.pause.max(windows);
    }

    pub(super) fn restart(&mut self) {
        (self.step, self.pause, self.backoff) = (1.0, 0, 1);
    }

    /// Makes the next trial due.
    pub(super) fn hasten(&mut self) {
        self.pause = 0;
    }

    pub(super) fn succeed(&mut self) {
        (self.step, self.pause, self.backoff) = (self.step * 2.0, 0, 1);
    }

    pub(super) fn fail(&mut self) {
        self.backoff = (self.backoff * 2).min(self.longest);
        self.pause = self.backoff;
    }

    /// The step from `limit`: at least one slot, at most double or half.
    pub(super) fn step_at(&mut self, limit: usize) -> f64 {
        self.step = self.step.clamp(1.0 / limit as f64, 1.0);
        self.step
    }
}

impl LimitTrial {
    pub(super) fn new(
        (direction, limit): (Direction, usize),
        settled: Window,
        queue: QueueLevel,
    ) -> Self {
        let queue_limit = match queue.bound.saturating_sub(queue.len) {
            // Calls are refused already.
            0 => usize::MAX,
            room => queue.len + room.div_ceil(2),
        };
        Self {
            limit,
            direction,
            settled,
            tried: Window::default(),
            round: 0,
            is_reaction: false,
            is_doubted: false,
            is_resting: false,
            queue_limit,
        }
    }

    /// True if calls will be refused for the sake of the measurement: the queue grows.
    pub(super) fn would_refuse(&self, queue: QueueLevel) -> bool {
        self.direction == Direction::Down && !self.is_resting && queue.len >= self.queue_limit
    }

    /// Compares the windows under the two limits.
    pub(super) fn verdict(&self, settled: usize) -> Verdict {
        let verdict = self.first_verdict(settled);
        match verdict {
            Verdict::Move(_) if self.is_doubted && self.round < 2 => Verdict::Unclear,
            _ => verdict,
        }
    }

    fn first_verdict(&self, settled: usize) -> Verdict {
        let full = log_ratio(settled, self.limit);
        match self.direction {
            Direction::Up if self.settled.has_fewer_drops(&self.tried) => {
                Verdict::Stay { step: 0.5 }
            }
            Direction::Up => match self.settled.slowdown(&self.tried, full) {
                Some(slowdown) => higher(slowdown, settled, self),
                None => Verdict::Stay { step: 1.0 },
            },
            Direction::Down if self.tried.has_fewer_drops(&self.settled) => {
                Verdict::Move(self.limit)
            }
            Direction::Down => match self.tried.slowdown(&self.settled, full) {
                Some(slowdown) => lower(slowdown, self),
                None => Verdict::Stay { step: 1.0 },
            },
        }
    }
}

impl Direction {
    /// True if what has ended under the trial's limit so far leaves no doubt that it serves less.
    pub(super) fn does_harm(self, settled: &Window, tried: &Window, full: f64) -> bool {
        match self {
            Direction::Up => {
                let slower = |slowdown: Slowdown| slowdown.log - 3.0 * slowdown.error > 1.2 * full;
                settled.has_fewer_drops(tried) || settled.slowdown(tried, full).is_some_and(slower)
            }
            Direction::Down => {
                let idle = |slowdown: Slowdown| slowdown.log + 3.0 * slowdown.error < 0.7 * full;
                tried.slowdown(settled, full).is_some_and(idle)
            }
        }
    }
}

/// A higher limit is accepted as far as more calls are served there.
fn higher(slowdown: Slowdown, settled: usize, trial: &LimitTrial) -> Verdict {
    let Slowdown { log, error, full } = slowdown;
    if log - 2.0 * error > 1.1 * full {
        return Verdict::Stay { step: 0.5 };
    }
    let gain = full - log.max(0.0);
    // The knee, if the resource has room up to it and none beyond.
    let knee = settled as f64 * (gain + 0.5 * error).exp();
    let target = ((knee + 0.3).floor() as usize).clamp(settled, trial.limit);
    if target > settled && gain > error {
        Verdict::Move(target)
    } else if target > settled && gain > 0.25 * error && trial.round < ROUNDS {
        Verdict::Unclear
    } else {
        Verdict::Stay { step: next_step(slowdown) }
    }
}

/// A lower limit is accepted if as many calls are served there.
fn lower(slowdown: Slowdown, trial: &LimitTrial) -> Verdict {
    let Slowdown { log, error, full } = slowdown;
    let loss = full - log;
    let tolerance = TOLERANCE.min(0.1 * full);
    let is_certain = log - 1.5 * error > 0.4 * full;
    if loss < tolerance && is_certain {
        Verdict::Move(trial.limit)
    } else if loss < tolerance + 2.0 * error && !is_certain && trial.round < ROUNDS {
        Verdict::Unclear
    } else {
        Verdict::Stay { step: next_step(slowdown) }
    }
}

/// A larger step where the run times vary too much to see a smaller one, a smaller step elsewhere.
fn next_step(slowdown: Slowdown) -> f64 {
    if slowdown.error > slowdown.full / 3.0 { 1.5 } else { 0.5 }
}
