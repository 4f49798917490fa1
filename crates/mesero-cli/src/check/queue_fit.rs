//! The queue beside the deadline: whether a full queue can be served in time.

use std::num::NonZeroUsize;
use std::time::Duration;

use mesero_config::{Delay, PolicySettings, ResourceKind, ResourceSettings};

/// Returns a warning if the last call of a full queue cannot be answered before its deadline, as far as a configuration
/// says how long a call takes: by the delay of a stub, or at most by `timeout`.
pub(super) fn warning(resource: &ResourceSettings, limit: usize) -> Option<String> {
    let PolicySettings { queue, timeout, deadline, .. } = resource.policy;
    let (queue, deadline) = (queue?, deadline?);
    let (call, calls) = match &resource.kind {
        ResourceKind::Stub(stub) => (mean(stub.delay)?, "calls that take"),
        _ => (timeout?, "calls that take as long as `timeout`,"),
    };
    let wait = call.as_secs_f64() * queue.get() as f64 / limit as f64;
    if wait <= deadline.as_secs_f64() {
        return None;
    }
    let most = fitting_queue(call, deadline, limit);
    let longest = deadline.mul_f64(limit as f64 / (queue.get() + limit) as f64);
    let (wait, longest) = (rounded(Duration::try_from_secs_f64(wait).ok()?), rounded(longest));
    let fits = most.map_or_else(
        || "no call can wait for another and be answered in time: `queue = \"off\"`".to_owned(),
        |most| format!("`queue = {most}` is as many as can be answered in time"),
    );
    Some(format!(
        "a full queue of {queue} waits {wait:?} for {calls} {call:?} at limit {limit}, and the deadline is {deadline:?}; \
         {fits}, or calls may take {longest:?} on average"
    ))
}

/// The longest queue whose last call still has the time of a call before its deadline.
fn fitting_queue(call: Duration, deadline: Duration, limit: usize) -> Option<NonZeroUsize> {
    let rounds = deadline.as_secs_f64() / call.as_secs_f64() - 1.0;
    NonZeroUsize::new((rounds * limit as f64) as usize)
}

fn mean(delay: Delay) -> Option<Duration> {
    let mean = match delay {
        Delay::Fixed(delay) | Delay::Exponential { mean: delay } => delay,
        Delay::Uniform { least, most } => (least + most) / 2,
        Delay::Lognormal { median, sigma } => median.mul_f64((sigma * sigma / 2.0).exp()),
    };
    Some(mean).filter(|mean| !mean.is_zero())
}

/// To whole milliseconds, and to whole seconds from ten on.
fn rounded(time: Duration) -> Duration {
    if time >= Duration::from_secs(10) {
        Duration::from_secs(time.as_secs())
    } else {
        Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }
}
