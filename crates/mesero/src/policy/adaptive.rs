//! A limit that finds itself, by how much longer calls take when more of them run.
//!
//! Only run times are measured, and only while all slots are taken. The rule holds one limit, and
//! now and then tries a higher or a lower one. It compares the run times of the two, which are
//! windows next to each other, so that a resource whose calls get longer by themselves is not
//! mistaken for a full one. The design page is `docs/design/adaptive-limit.md`.

use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::time::Instant;

mod bounds;
pub(crate) mod knee;
mod trial;
mod window;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

pub use bounds::AdaptiveLimit;
pub(crate) use trial::QueueLevel;
use trial::{Direction, LimitTrial, Pace, Verdict, log_ratio};
use window::Window;

/// The limit at the start, within the bounds. Growth doubles, so that a low start costs seconds,
/// while a high one would harm a fragile resource at every start.
const INITIAL: usize = 4;
/// Attempts in a window, where each slot takes at least two of them.
const WINDOW_ATTEMPTS: usize = 50;
/// Attempts in a window whose run times vary too much to compare fewer.
const NOISY_WINDOW_ATTEMPTS: usize = 250;
/// Attempts that any window needs, however slow the calls are.
const FEW_ATTEMPTS: usize = 10;
/// The shortest window, so that it contains the resource's own pauses.
const WINDOW_TIME: Duration = Duration::from_secs(1);
/// Time after which few attempts are enough, if their run times hardly vary.
const SLOW_WINDOW_TIME: Duration = Duration::from_secs(30);
/// Relative errors of the mean run time with which a window, and one of few attempts, can end.
const SMALL_ERROR: f64 = 0.06;
const SMALLER_ERROR: f64 = 0.03;
/// Time without a whole window after which a trial ends: there are too few calls to take
/// all slots, or the night has passed.
const STALE: Duration = Duration::from_secs(120);
/// Change of the mean run time between two windows that calls for a trial at once.
const SHOCK: f64 = 0.25;
/// Mean run times after which an attempt that was cut off counts as a drop.
const CUT_OFF_RATIO: f64 = 2.0;
/// Share of drops beyond which the limit falls without a trial, to three quarters.
const MOSTLY_DROPS: f64 = 0.75;

/// The meaning of an attempt's end for the load of the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoadSign {
    /// The work was done, in the time that the attempt ran.
    Finished,
    /// mesero ended the attempt, which would have run for longer.
    CutOff,
    /// The resource refused the work since it is overloaded, or was lost.
    Refused,
    /// Nothing.
    None,
}

/// The end of an attempt that belongs to a window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CohortEnd {
    pub(crate) cohort: Cohort,
    pub(crate) sign: LoadSign,
    pub(crate) ran: Duration,
}

/// The window that an attempt belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cohort(u64);

/// The state of a limit that finds itself.
#[derive(Debug)]
pub(crate) struct Adaptive {
    bounds: AdaptiveLimit,
    /// The limit that is in force but for trials.
    settled: usize,
    trial: Option<LimitTrial>,
    /// The last whole window under the settled limit.
    reference: Option<Window>,
    window: Window,
    /// The number of the window.
    cohort: u64,
    /// Start of the window.
    since: Option<Instant>,
    /// The window gets no more attempts; some of them have not ended.
    is_closed: bool,
    /// The run times have changed, so that the next trial is a reaction.
    shocked: bool,
    /// The pause between two reactions, which grows while they find nothing.
    reactions: Pace,
    up: Pace,
    down: Pace,
}

impl Adaptive {
    pub(crate) fn new(bounds: AdaptiveLimit) -> Self {
        Self {
            bounds,
            settled: INITIAL.clamp(bounds.min().get(), bounds.max().get()),
            trial: None,
            reference: None,
            window: Window::default(),
            cohort: 0,
            since: None,
            is_closed: false,
            shocked: false,
            reactions: Pace::reactions(),
            up: Pace::up(),
            down: Pace::down(),
        }
    }

    /// The limit in force.
    pub(crate) fn limit(&self) -> NonZeroUsize {
        let limit = match &self.trial {
            Some(trial) if !trial.is_resting => trial.limit,
            _ => self.settled,
        };
        NonZeroUsize::new(limit).unwrap_or(self.bounds.min())
    }

    /// The limit that is in force but for trials.
    pub(crate) fn settled(&self) -> usize {
        self.settled
    }

    pub(crate) fn bounds(&self) -> AdaptiveLimit {
        self.bounds
    }

    /// Takes the start of an attempt into account; `in_use` counts its slot. The limit may be
    /// another afterwards.
    pub(crate) fn begun(&mut self, in_use: usize, now: Instant) -> Option<Cohort> {
        let elapsed = now - *self.since.get_or_insert(now);
        if elapsed > STALE && !self.is_closed && self.window.ended() < FEW_ATTEMPTS {
            self.settle(self.settled);
            return None;
        }
        let limit = self.limit().get();
        // While slots are free, the limit decides nothing. After it was lowered, more are in use.
        if self.is_closed || in_use != limit {
            return None;
        }
        self.window.begin();
        self.is_closed = self.is_enough(limit, elapsed);
        Some(Cohort(self.cohort))
    }

    /// Takes the end of an attempt into account. The limit may be another afterwards.
    pub(crate) fn ended(&mut self, end: CohortEnd, queue: QueueLevel) {
        let CohortEnd { cohort, sign, ran } = end;
        if cohort.0 != self.cohort {
            return;
        }
        match sign {
            LoadSign::Finished => self.window.finish(ran),
            LoadSign::Refused => self.window.drop_one(),
            LoadSign::CutOff if self.is_long(ran) => self.window.drop_one(),
            LoadSign::CutOff | LoadSign::None => self.window.forget(),
        }
        if self.trial.as_ref().is_some_and(|trial| trial.would_refuse(queue)) {
            self.down.fail();
            self.settle(self.settled);
        } else if self.is_closed && self.window.is_whole() {
            self.end_window(queue);
        } else {
            self.stop_harm();
        }
    }

    /// True if the window needs no more attempts.
    fn is_enough(&self, limit: usize, elapsed: Duration) -> bool {
        let begun = self.window.begun();
        if elapsed < WINDOW_TIME || begun < FEW_ATTEMPTS.max(2 * limit) {
            return false;
        }
        if begun >= NOISY_WINDOW_ATTEMPTS || self.is_mostly_drops() {
            return true;
        }
        // The error costs a sort, so it is computed for each eighth attempt.
        if !begun.is_multiple_of(8) {
            return false;
        }
        let Some((_, error)) = self.window.so_far().midmean() else { return false };
        (begun >= WINDOW_ATTEMPTS && error < SMALL_ERROR)
            || (elapsed >= SLOW_WINDOW_TIME && error < SMALLER_ERROR)
    }

    /// True unless so short a run is no wonder: a call that has waited for long has little time
    /// left when it begins.
    fn is_long(&self, ran: Duration) -> bool {
        let typical = self.reference.as_ref().and_then(Window::midmean);
        typical.is_none_or(|(log, _)| ran.as_secs_f64() > CUT_OFF_RATIO * log.exp())
    }

    fn is_mostly_drops(&self) -> bool {
        self.window.ended() >= FEW_ATTEMPTS && self.window.drop_share() > MOSTLY_DROPS
    }

    /// Ends a trial early that does clear harm.
    fn stop_harm(&mut self) {
        let (Some(trial), Some(settled)) = (&self.trial, &self.reference) else { return };
        let ended = self.window.ended();
        // Each eighth attempt only, so that chance gets few occasions.
        let is_look = ended >= FEW_ATTEMPTS.max(trial.limit) && ended.is_multiple_of(8);
        if trial.is_resting || !is_look {
            return;
        }
        let full = log_ratio(self.settled, trial.limit);
        if trial.direction.does_harm(settled, &self.window.so_far(), full) {
            let (direction, is_reaction) = (trial.direction, trial.is_reaction);
            self.pace(direction).step /= 2.0;
            self.fail(direction, is_reaction);
        }
    }

    fn end_window(&mut self, queue: QueueLevel) {
        let window = std::mem::take(&mut self.window);
        match self.trial.take() {
            None if window.drop_share() > MOSTLY_DROPS => {
                self.up.wait(1);
                self.settle((self.settled * 3 / 4).max(self.bounds.min().get()));
            }
            None => {
                self.react(&window);
                self.reference = Some(window);
                self.next_trial(queue);
            }
            Some(mut trial) if trial.is_resting => {
                trial.settled.append(&window);
                trial.is_resting = false;
                self.reference = Some(window);
                self.enforce(Some(trial));
            }
            Some(mut trial) => {
                trial.tried.append(&window);
                trial.round += 1;
                self.judge(trial, window, queue);
            }
        }
    }

    /// Makes trials due if the run times differ from those of the window before.
    fn react(&mut self, window: &Window) {
        let Some(before) = self.reference.as_ref().filter(|_| self.reactions.is_due()) else {
            self.reactions.pass();
            return;
        };
        let change = before.slowdown(window, 0.0);
        let change = change.filter(|change| change.log.abs() > SHOCK.max(4.0 * change.error));
        if before.has_fewer_drops(window) || change.is_some_and(|change| change.log > 0.0) {
            // Either the resource can do less, or its calls got longer. A lower limit shows which.
            self.shocked = true;
            self.down.restart();
            self.up.wait(2);
        } else if change.is_some() {
            // With the present step: run times that fall by chance are no reason for a large one.
            self.shocked = true;
            self.up.hasten();
        }
    }

    fn next_trial(&mut self, queue: QueueLevel) {
        let (settled, bounds) = (self.settled, self.bounds);
        let direction = if self.up.is_due() && settled < bounds.max().get() {
            Direction::Up
        } else if self.down.is_due() && settled > bounds.min().get() {
            Direction::Down
        } else {
            self.up.pass();
            self.down.pass();
            self.restart();
            return;
        };
        let ratio = 1.0 + self.pace(direction).step_at(settled);
        let limit =
            match direction {
                Direction::Up => ((settled as f64 * ratio).round() as usize)
                    .clamp(settled + 1, bounds.max().get()),
                Direction::Down => ((settled as f64 / ratio).round() as usize)
                    .clamp(bounds.min().get(), settled - 1),
            };
        let is_reaction = std::mem::take(&mut self.shocked);
        if direction == Direction::Down && queue.bound == 0 && !is_reaction {
            // Without a queue, a lower limit refuses calls.
            self.down.fail();
            self.restart();
            return;
        }
        let reference = self.reference.clone().unwrap_or_default();
        let mut trial = LimitTrial::new((direction, limit), reference, queue);
        trial.is_reaction = is_reaction;
        trial.is_doubted = is_reaction || self.pace(direction).has_failed();
        self.enforce(Some(trial));
    }

    fn judge(&mut self, mut trial: LimitTrial, last: Window, queue: QueueLevel) {
        let direction = trial.direction;
        match trial.verdict(self.settled) {
            Verdict::Unclear => {
                trial.is_resting = true;
                self.enforce(Some(trial));
            }
            Verdict::Move(limit) => {
                match direction {
                    Direction::Up => self.down.wait(4),
                    Direction::Down => self.up.wait(2),
                }
                self.pace(direction).succeed();
                if trial.is_reaction {
                    self.reactions.succeed();
                }
                self.settle(limit);
                if limit == trial.limit {
                    // The trial's last window is the first one of the new limit.
                    self.reference = Some(last);
                    self.next_trial(queue);
                }
            }
            Verdict::Stay { step } => {
                self.pace(direction).step *= step;
                self.fail(direction, trial.is_reaction);
            }
        }
    }

    /// Ends a trial without a change.
    fn fail(&mut self, direction: Direction, is_reaction: bool) {
        self.pace(direction).fail();
        if is_reaction {
            self.reactions.fail();
        }
        self.settle(self.settled);
    }

    fn pace(&mut self, direction: Direction) -> &mut Pace {
        match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        }
    }

    /// Ends the trial, if there is one, with `limit` in force.
    fn settle(&mut self, limit: usize) {
        if limit != self.settled {
            self.reference = None;
        }
        self.settled = limit;
        self.enforce(None);
    }

    fn enforce(&mut self, trial: Option<LimitTrial>) {
        self.trial = trial;
        self.restart();
    }

    /// Begins a window.
    fn restart(&mut self) {
        self.window = Window::default();
        self.cohort += 1;
        self.since = None;
        self.is_closed = false;
    }
}
