//! A simulated scheduler that knows the timeout of callers, but no run time.

use std::collections::VecDeque;
use std::time::Duration;

use super::world::{Arrival, World};
use super::{CALLER_TIMEOUT, LENGTH, LIMIT, MEAN, WARM_UP};

/// The best goodput of several schedulers on the same arrivals: the oldest or the newest first, of
/// those that have some least time left.
pub(super) fn best(world: World) -> f64 {
    let least = [0.0, 0.1, 0.25, 0.5, 1.0].map(Duration::from_secs_f64);
    let runs = least.into_iter().flat_map(|least| [(least, false), (least, true)]);
    runs.map(|(least, newest)| goodput(world, least, newest)).fold(0.0, f64::max)
}

fn goodput(world: World, least: Duration, newest: bool) -> f64 {
    let mut free = [Duration::ZERO; LIMIT];
    let mut waiting = VecDeque::<Arrival>::new();
    let mut arrivals = world.arrivals().into_iter().peekable();
    let mut answers = 0;
    loop {
        // The slot that is free next.
        free.sort_unstable();
        let now = match (waiting.is_empty(), arrivals.peek()) {
            (true, Some(next)) => free[0].max(next.at),
            (false, _) => free[0],
            (true, None) => break,
        };
        if now > LENGTH {
            break;
        }
        while let Some(arrival) = arrivals.next_if(|next| next.at <= now) {
            waiting.push_back(arrival);
        }
        let next = if newest { waiting.pop_back() } else { waiting.pop_front() };
        let Some(Arrival { at, service }) = next else { continue };
        if now + least > at + CALLER_TIMEOUT {
            continue;
        }
        let end = now + service;
        let in_time = end <= at + CALLER_TIMEOUT;
        free[0] = if world.leaves && world.stops { end.min(at + CALLER_TIMEOUT) } else { end };
        answers += u32::from(in_time && end > WARM_UP && end <= LENGTH);
    }
    f64::from(answers) / (LENGTH - WARM_UP).as_secs_f64() / (LIMIT as f64 / MEAN)
}
