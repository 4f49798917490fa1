//! Estimates of a new job's wait: from the pace at which slots come back, and from what waits.

use std::time::Duration;

use crate::mean::Mean;

/// What is known about slots that came back, and about the work that waits for them.
///
/// It counts occupation, not attempts: a thread that runs beyond its timeout keeps its slot from
/// other jobs, which is the delay that a new job sees. It counts queued jobs and not running ones,
/// so it errs towards a shorter wait: a call is refused only when it clearly comes too late.
#[derive(Debug, Default)]
pub(crate) struct WaitEstimator {
    held: Mean,
    overdue: Mean,
    queued_work: Duration,
}

impl WaitEstimator {
    /// Records the occupation of a slot that came back, and the part of it after the attempt was
    /// over for its job.
    pub(crate) fn record(&mut self, held: Duration, overdue: Duration) {
        self.held.record(held);
        self.overdue.record(overdue);
    }

    /// The mean occupation so far.
    pub(crate) fn mean(&self) -> Option<Duration> {
        self.held.so_far()
    }

    /// The time for which a job occupies a slot, where jobs of its kind run for `run`; nothing
    /// where that is not known.
    pub(crate) fn occupation(&self, run: Option<Duration>) -> Duration {
        run.map_or(Duration::ZERO, |run| run + self.overdue.known().unwrap_or_default())
    }

    /// Counts the work of a job that enters the queue.
    pub(crate) fn enter(&mut self, work: Duration) {
        self.queued_work += work;
    }

    /// Counts the same work no longer.
    pub(crate) fn leave(&mut self, work: Duration) {
        self.queued_work = self.queued_work.saturating_sub(work);
    }

    /// The time until `slots` slots have done the work of `ahead` of the `queued` jobs.
    pub(crate) fn wait(&self, ahead: usize, queued: usize, slots: usize) -> Duration {
        let share = ahead as f64 / (queued.max(1) * slots.max(1)) as f64;
        Duration::try_from_secs_f64(self.queued_work.as_secs_f64() * share).unwrap_or(Duration::MAX)
    }

    /// The time until `slots` slots have come back for `jobs` jobs; `None` while there are too few
    /// samples.
    pub(crate) fn pace(&self, jobs: usize, slots: usize) -> Option<Duration> {
        let mean = self.held.known().filter(|_| slots > 0)?;
        Duration::try_from_secs_f64(mean.as_secs_f64() * jobs as f64 / slots as f64).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: Duration = Duration::from_secs(2);

    #[test]
    fn the_pace_is_that_at_which_slots_come_back() {
        let mut estimator = WaitEstimator::default();
        for _ in 0..8 {
            assert_eq!(estimator.pace(10, 5), None);
            estimator.record(TWO, Duration::ZERO);
        }
        assert_eq!(estimator.pace(10, 5), Some(2 * TWO));
        assert_eq!(estimator.pace(0, 5), Some(Duration::ZERO));
    }

    #[test]
    fn the_wait_is_the_work_ahead_divided_by_the_slots() {
        let mut estimator = WaitEstimator::default();
        let work: Vec<_> =
            [None, Some(TWO), Some(5 * TWO)].map(|run| estimator.occupation(run)).into();
        work.iter().for_each(|work| estimator.enter(*work));
        assert_eq!(estimator.wait(3, 3, 2), 3 * TWO);
        assert_eq!(estimator.wait(1, 3, 2), TWO);
        work.iter().for_each(|work| estimator.leave(*work));
        assert_eq!(estimator.wait(0, 0, 2), Duration::ZERO);
    }

    #[test]
    fn a_job_occupies_its_slot_for_longer_than_it_runs_where_others_did() {
        let mut estimator = WaitEstimator::default();
        (0..8).for_each(|_| estimator.record(2 * TWO, TWO));
        assert_eq!(estimator.occupation(Some(TWO)), 2 * TWO);
        assert_eq!(estimator.occupation(None), Duration::ZERO);
    }
}
