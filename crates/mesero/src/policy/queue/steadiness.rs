//! A queue whose length stays: the same clients come again as soon as they are served.
//!
//! Some clients have a fixed number of requests open, and wait as long as it takes. Their queue is
//! never empty, but it does not grow either: in order, each waits for the others once. The newest
//! first would serve the same few again and again.

/// The least number of served jobs that show a steady queue.
const MIN_SERVED: usize = 64;

/// The lengths of the queue since one of its jobs left unserved, or it changed by more than clients
/// that come again explain.
///
/// While slots return together, as many jobs are missing as there are slots. The length of a queue
/// of independent arrivals walks at random: that it stays within a range of r while n jobs are
/// served has a probability of about exp(−π²n / 2r²), with n = 2r² 1 in 20,000.
#[derive(Debug, Default)]
pub(super) struct Steadiness {
    served: usize,
    slots: usize,
    least: usize,
    most: usize,
}

impl Steadiness {
    pub(super) fn is_steady(&self) -> bool {
        self.served >= MIN_SERVED.max(self.slots.saturating_mul(2 * self.slots))
    }

    /// Begins again with a queue of this length.
    pub(super) fn restart(&mut self, len: usize) {
        (self.served, self.least, self.most) = (0, len, len);
    }

    /// Records that a job has entered the queue, which has this length now.
    pub(super) fn entered(&mut self, len: usize) {
        self.changed(len);
    }

    /// Records that a job has got one of so many slots, and left a queue of this length.
    pub(super) fn served(&mut self, len: usize, slots: usize) {
        self.slots = slots;
        self.served += 1;
        self.changed(len);
    }

    fn changed(&mut self, len: usize) {
        (self.least, self.most) = (self.least.min(len), self.most.max(len));
        if self.most - self.least > self.slots {
            self.restart(len);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Serves jobs of a queue of ten, each of which comes again after `apart` others.
    fn rounds(steadiness: &mut Steadiness, served: usize, apart: usize) {
        for _ in 0..served / apart {
            (1..=apart).for_each(|missing| steadiness.served(10 - missing, 4));
            (0..apart).rev().for_each(|missing| steadiness.entered(10 - missing));
        }
    }

    #[test]
    fn clients_that_come_again_make_a_steady_queue() {
        for apart in [1, 2, 4] {
            let mut steadiness = Steadiness::default();
            rounds(&mut steadiness, 64, apart);
            rounds(&mut steadiness, 64, apart);
            assert!(steadiness.is_steady(), "{apart} at a time");
        }
    }

    #[test]
    fn a_queue_that_grows_or_loses_a_job_is_not_steady() {
        let mut steadiness = Steadiness::default();
        rounds(&mut steadiness, 128, 1);
        (11..14).for_each(|len| steadiness.entered(len));
        assert!(steadiness.is_steady(), "as many as slots");
        steadiness.entered(14);
        assert!(!steadiness.is_steady());
        rounds(&mut steadiness, 128, 1);
        steadiness.restart(9);
        assert!(!steadiness.is_steady());
    }

    #[test]
    fn many_slots_need_more_evidence() {
        let mut steadiness = Steadiness::default();
        for _ in 0..100 {
            steadiness.served(9, 20);
            steadiness.entered(10);
        }
        assert!(!steadiness.is_steady());
        (0..800).for_each(|_| steadiness.served(9, 20));
        assert!(steadiness.is_steady());
    }
}
