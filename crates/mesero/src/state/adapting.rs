//! The limit's changes: by its own measurements, or by hand.

use std::num::NonZeroUsize;

use tokio::time::Instant;

use super::DispatcherState;
use crate::event::Fact;
use crate::policy::adaptive::knee::KneeWatch;
use crate::policy::adaptive::{Adaptive, CohortEnd, LoadSign, QueueLevel};
use crate::{Error, FailureKind};

impl LoadSign {
    /// Errors that are the caller's doing, or come before any work, say nothing about the load.
    pub(super) fn of(error: Option<&Error>) -> Self {
        match error {
            None => LoadSign::Finished,
            Some(Error::TimedOut { .. } | Error::Expired { .. }) => LoadSign::CutOff,
            Some(Error::Failed(failure)) => match failure.kind() {
                FailureKind::Overloaded | FailureKind::Lost => LoadSign::Refused,
                FailureKind::Raised | FailureKind::Unreachable | FailureKind::Panicked => {
                    LoadSign::None
                }
            },
            Some(Error::Canceled | Error::Shed | Error::Refused(_)) => LoadSign::None,
        }
    }
}

impl<T> DispatcherState<T> {
    /// Enters an attempt into the measurements of the limit.
    pub(super) fn load_rose(&mut self, seat: usize, now: Instant) {
        let in_use = self.limit.in_use();
        if let Some(adaptive) = &mut self.adaptive {
            let cohort = adaptive.begun(in_use, now);
            self.occupancy.enter_cohort(seat, cohort);
            self.adapt(now);
        } else if let Some(knee) = &mut self.knee {
            let cohort = knee.begun(in_use, self.queue.len() > 0, now);
            self.occupancy.enter_cohort(seat, cohort);
            self.report_knee(now);
        }
    }

    /// Takes the end of a measured attempt into account.
    pub(super) fn load_fell(&mut self, end: CohortEnd, now: Instant) {
        if let Some(adaptive) = &mut self.adaptive {
            let queue = QueueLevel { len: self.queue.len(), bound: self.queue.bound() };
            adaptive.ended(end, queue);
            self.adapt(now);
        } else if let Some(knee) = &mut self.knee {
            knee.ended(end);
            self.report_knee(now);
        }
    }

    fn report_knee(&mut self, now: Instant) {
        let limit = self.limit.limit();
        if let Some(finding) = self.knee.as_mut().and_then(|knee| knee.finding(limit, now)) {
            self.emit(now, Fact::LimitFound { limit, finding });
        }
    }

    fn adapt(&mut self, now: Instant) {
        let Some(adaptive) = &self.adaptive else { return };
        let limit = adaptive.limit();
        let is_trial = limit.get() != adaptive.settled();
        self.resize(limit, is_trial, now);
    }

    /// Changes the limit, and ends its adaptation.
    pub(crate) fn fix_limit(&mut self, limit: NonZeroUsize, now: Instant) {
        self.adaptive = None;
        self.knee = self.observed.then(KneeWatch::default);
        self.resize(limit, false, now);
    }

    fn resize(&mut self, limit: NonZeroUsize, is_trial: bool, now: Instant) {
        let before = self.limit.limit();
        if limit.get() == before {
            return;
        }
        self.limit.resize(limit);
        self.emit(now, Fact::LimitChanged { from: before, to: limit.get(), is_trial });
        self.effects.room_freed = true;
        self.effects.limit_changed = true;
        self.serve_queue(now);
    }

    /// The bounds of a limit that finds itself.
    pub(crate) fn adaptive_limit(&self) -> Option<crate::AdaptiveLimit> {
        self.adaptive.as_ref().map(Adaptive::bounds)
    }
}
