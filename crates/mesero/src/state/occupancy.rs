//! The occupants of seats, from the grant until the resource has really stopped.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::call::{JobId, JobInfo};
use crate::policy::adaptive::Cohort;
use crate::policy::forecast::KindId;
use crate::policy::queue::Charge;

/// The occupied seats.
#[derive(Debug, Default)]
pub(crate) struct Occupancy {
    seats: Vec<Option<Occupant>>,
}

/// An attempt that holds a seat.
#[derive(Debug)]
pub(crate) struct Occupant {
    pub(crate) job: Arc<JobInfo>,
    /// The attempt's number within the job; 0 before it has begun.
    pub(crate) attempt: u32,
    pub(crate) since: Instant,
    charge: Charge,
    /// What its run time is forecast by, once the attempt has begun.
    kind: Option<KindId>,
    /// The window of the adaptive limit that the attempt belongs to.
    pub(crate) cohort: Option<Cohort>,
    /// The instant at which the attempt was over for its job, while the resource was not done.
    pub(crate) overdue_since: Option<Instant>,
}

impl Occupant {
    /// A job that gets a slot now.
    pub(crate) fn new(job: Arc<JobInfo>, charge: Charge, now: Instant) -> Self {
        Self { job, attempt: 0, since: now, charge, kind: None, cohort: None, overdue_since: None }
    }
}

/// The end of an occupation.
#[derive(Debug)]
pub(crate) struct Vacated {
    pub(crate) held: Duration,
    /// The part of that time after the attempt was over for its job.
    pub(crate) overdue: Duration,
    pub(crate) charge: Charge,
    pub(crate) kind: Option<KindId>,
}

impl Occupancy {
    pub(crate) fn begin(&mut self, seat: usize, occupant: Occupant) {
        if self.seats.len() <= seat {
            self.seats.resize_with(seat + 1, || None);
        }
        self.seats[seat] = Some(occupant);
    }

    /// Records the beginning of an attempt.
    pub(crate) fn attempt(&mut self, seat: usize, number: u32, kind: Option<KindId>) {
        if let Some(Some(occupant)) = self.seats.get_mut(seat) {
            (occupant.attempt, occupant.kind) = (number, kind);
        }
    }

    /// Enters the attempt into a window of the adaptive limit.
    pub(crate) fn enter_cohort(&mut self, seat: usize, cohort: Option<Cohort>) {
        if let Some(Some(occupant)) = self.seats.get_mut(seat) {
            occupant.cohort = cohort;
        }
    }

    /// Takes an attempt of this job out of its window.
    pub(crate) fn leave_cohort(&mut self, seat: usize, job: JobId) -> Option<Cohort> {
        let occupant = self.seats.get_mut(seat)?.as_mut()?;
        if occupant.job.id == job { occupant.cohort.take() } else { None }
    }

    /// Records that the attempt is over for its job. A job that never took up its granted slot may
    /// find another occupant there already.
    pub(crate) fn overdue(&mut self, seat: usize, job: JobId, now: Instant) {
        if let Some(Some(occupant)) = self.seats.get_mut(seat)
            && occupant.job.id == job
        {
            occupant.overdue_since.get_or_insert(now);
        }
    }

    /// The occupant of the seat.
    pub(crate) fn occupant(&self, seat: usize) -> Option<&Occupant> {
        self.seats.get(seat)?.as_ref()
    }

    /// Frees the seat; `None` if it was free.
    pub(crate) fn end(&mut self, seat: usize, now: Instant) -> Option<Vacated> {
        let occupant = self.seats.get_mut(seat)?.take()?;
        let overdue = occupant.overdue_since.map_or(Duration::ZERO, |since| now - since);
        let Occupant { since, charge, kind, .. } = occupant;
        Some(Vacated { held: now - since, overdue, charge, kind })
    }

    /// Attempts that are over for their job, and still occupy the resource.
    pub(crate) fn stopping(&self) -> impl Iterator<Item = (usize, &Occupant, Instant)> {
        self.seats.iter().enumerate().filter_map(|(seat, occupant)| {
            let occupant = occupant.as_ref()?;
            Some((seat, occupant, occupant.overdue_since?))
        })
    }
}
