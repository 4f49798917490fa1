//! Prospects: of jobs in the queue, and of calls that have not been made.

use std::collections::HashMap;

use tokio::time::Instant;

use super::DispatcherState;
use crate::call::{Call, JobId};
use crate::outlook::{Eta, Outlook, Quota};

/// A job's prospects in the queue.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Prospect {
    /// `None` while the newest job is served first.
    pub(super) position: Option<usize>,
    pub(super) eta: Option<Eta>,
}

impl<T> DispatcherState<T> {
    /// The prospects of a call that arrives now.
    pub(crate) fn outlook(&mut self, call: &Call, now: Instant) -> Outlook {
        let ticket = self.ticket(call, now);
        let starts_now = self.limit.can_take() && self.queue.may_take_slot(ticket.tenant);
        let ahead = self.queue.ahead(&ticket, self.usual_run(), now);
        let prospect = self.prospect(ahead + 1, now);
        let eta = if starts_now { Some(Eta::NONE) } else { prospect.eta };
        let (total, in_use) = (self.limit.limit(), self.limit.in_use());
        Outlook {
            position: prospect.position,
            eta,
            slots: Quota { total, left: total.saturating_sub(in_use) },
            rate: self.bucket.as_ref().map(|bucket| bucket.quota(now)),
            tenant: self.queue.tenants.quotas(ticket.tenant, now),
        }
    }

    /// The prospects of all jobs in the queue.
    pub(super) fn prospects(&self, now: Instant) -> HashMap<JobId, Prospect> {
        let waiters = self.queue.in_order(self.usual_run(), now);
        let places = waiters.into_iter().map(|waiter| waiter.job).zip(1..);
        places.map(|(job, place)| (job, self.prospect(place, now))).collect()
    }

    /// The prospects of a job at this place of the order in force, 1 for the next.
    fn prospect(&self, place: usize, now: Instant) -> Prospect {
        let newest_first = self.queue.is_newest_first(self.usual_run(), now);
        let wait = self.wait_estimator.pace(place, self.limit.limit());
        Prospect {
            position: (!newest_first).then_some(place),
            eta: wait.map(|expected| Eta::around(expected, !newest_first)),
        }
    }
}
