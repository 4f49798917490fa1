//! A resource under more calls than it can serve, in the order of their arrival.

use std::collections::VecDeque;
use std::ops::Range;

use super::*;

const DEADLINE: Duration = Duration::from_secs(2);

/// Slots, a queue, and calls that wait in it for their deadline. A step is a millisecond.
struct Simulation {
    forecast: Forecast,
    random: fastrand::Rng,
    start: Instant,
    slots: usize,
    /// Mean number of calls a second.
    arrivals: f64,
    /// Milliseconds that a call takes, or one less than it takes.
    ran: u64,
    queue: VecDeque<Instant>,
    running: Vec<Running>,
}

struct Running {
    id: KindId,
    since: Instant,
    done: Instant,
    deadline: Instant,
}

impl Simulation {
    fn new(slots: usize, arrivals: f64) -> Self {
        Self {
            forecast: Forecast::default(),
            random: fastrand::Rng::with_seed(7),
            start: Instant::now(),
            slots,
            arrivals,
            ran: 0,
            queue: VecDeque::new(),
            running: Vec::new(),
        }
    }

    /// Counts the calls that are answered in these steps, where one takes this many milliseconds or one more.
    fn answered(&mut self, steps: Range<u64>, ran: u64) -> usize {
        self.ran = ran;
        let mut answered = 0;
        for step in steps {
            let now = self.start + ms(step);
            answered += self.end(now);
            while self.running.len() < self.slots
                && let Some(deadline) = self.queue.pop_front()
            {
                self.begin(deadline, true, now);
            }
            if self.random.f64() < self.arrivals / 1_000.0 {
                if self.running.len() < self.slots {
                    self.begin(now + DEADLINE, false, now);
                } else {
                    self.queue.push_back(now + DEADLINE);
                }
            }
        }
        answered
    }

    /// Ends the calls that are done or out of time, and counts the first.
    fn end(&mut self, now: Instant) -> usize {
        let mut done = 0;
        self.running.retain(|running| {
            let ran = now - running.since;
            let end = if now >= running.done {
                done += 1;
                RunOutcome::Finished(ran)
            } else if now >= running.deadline {
                RunOutcome::CutOff(ran)
            } else {
                return true;
            };
            self.forecast.finish(running.id, end, now);
            false
        });
        done
    }

    fn begin(&mut self, deadline: Instant, waited: bool, now: Instant) {
        // The front takes a millisecond to start a call.
        let left = deadline.saturating_duration_since(now + ms(1));
        let candidate = Candidate { kind: None, left: Some(left), waited };
        if !left.is_zero() && self.forecast.may_begin(candidate, now) {
            let id = self.forecast.begin(candidate, now);
            let done = now + ms(self.ran + self.random.u64(0..=1));
            self.running.push(Running { id, since: now, done, deadline });
        }
    }
}

#[test]
fn under_any_overload_nearly_all_runs_are_of_use() {
    for (slots, load) in [(1, 2.0), (1, 5.0), (4, 1.1), (4, 2.0), (4, 5.0)] {
        let capacity = 2.0 * slots as f64;
        let mut simulation = Simulation::new(slots, load * capacity);
        simulation.answered(0..15_000, 500);
        let answered = simulation.answered(15_000..60_000, 500) as f64 / 45.0;
        assert!(
            answered > 0.95 * capacity,
            "{answered} of {capacity} a second at {load} times the load"
        );
    }
}

#[test]
fn after_a_minute_at_three_times_the_deadline_a_healthy_resource_is_served_within_two_deadlines() {
    for slots in [1, 4] {
        let mut simulation = Simulation::new(slots, 20.0);
        assert_eq!(simulation.answered(0..60_000, 6_000), 0);
        simulation.answered(60_000..64_000, 100);
        let answered = simulation.answered(64_000..74_000, 100);
        let possible = if slots == 1 { 100 } else { 200 };
        assert!(answered > possible * 9 / 10, "{answered} in ten seconds, with {slots} slots");
    }
}
