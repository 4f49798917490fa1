//! Measurements of this machine: its speed, the best number of threads, and the cost for a duration.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::argon2::cost::Cost;
use crate::argon2::hasher::{HashError, HashRecipe, Hasher};

/// Speed of a number of threads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HashSpeed {
    pub(crate) threads: NonZeroUsize,
    /// Sum over all threads.
    pub(crate) hashes_per_second: f64,
}

/// Duration of each measurement: long enough to average out the noise of a busy machine.
const STEP: Duration = Duration::from_millis(700);
/// Minimum relative gain of a step; a smaller one is not worth the memory of the threads.
const GAIN: f64 = 0.05;

/// Finds the number of threads, at most `max`, at which hashing is fastest: tries 1, 2, 4 … and
/// `max`, as long as each step is faster by [`GAIN`] than the previous one.
///
/// If dropped, the measuring thread ends by itself.
///
/// # Errors
/// If there is not enough memory.
pub(crate) async fn fastest_thread_count(
    recipe: &HashRecipe,
    max: NonZeroUsize,
) -> Result<HashSpeed, HashError> {
    let cost = recipe.cost;
    on_own_thread(move || {
        let mut best = measure_blocking(cost, NonZeroUsize::MIN)?;
        while best.threads < max {
            let threads = best.threads.saturating_add(best.threads.get()).min(max);
            let next = measure_blocking(cost, threads)?;
            if next.hashes_per_second < best.hashes_per_second * (1.0 + GAIN) {
                break;
            }
            best = next;
        }
        Ok(best)
    })
    .await
}

/// Measures the speed of `threads`. If dropped, the measuring thread ends by itself.
///
/// # Errors
/// If there is not enough memory.
pub(crate) async fn measure_speed(
    recipe: &HashRecipe,
    threads: NonZeroUsize,
) -> Result<HashSpeed, HashError> {
    let cost = recipe.cost;
    on_own_thread(move || measure_blocking(cost, threads)).await
}

/// Finds the cost of a hash that takes about `target` on one thread of this machine, at least OWASP's
/// minimum.
///
/// The memory is 64 MiB if such a hash fits the target, else that of the default; the passes are as
/// [`further_passes`] allows. A busy machine makes hashes slower, and so the cost lower. If dropped, the
/// measuring thread ends by itself.
///
/// # Errors
/// If there is not enough memory.
pub(crate) async fn calibrate_cost(target: Duration) -> Result<Cost, HashError> {
    on_own_thread(move || {
        for memory in [65_536, Cost::default().memory] {
            let least = Cost { memory, passes: if memory >= 47_104 { 1 } else { 2 }, lanes: 1 };
            let one = shortest_hash_time(least)?;
            if one <= target {
                let next = shortest_hash_time(Cost { passes: least.passes + 1, ..least })?;
                let more = further_passes(target, least.passes, one, next);
                return Ok(Cost { passes: least.passes + more, ..least });
            }
        }
        Ok(Cost::default())
    })
    .await
}

/// The number of further passes that fit into `target`, if the first `passes` take `one`, and `next`
/// with another pass.
///
/// Both durations are noisy, and their difference can be 0. A pass never counts as shorter than the
/// average of the first ones, so noise never leads to a cost of minutes.
fn further_passes(target: Duration, passes: u32, one: Duration, next: Duration) -> u32 {
    let a_pass = next.saturating_sub(one).max(one / passes).max(Duration::from_micros(1));
    let fitting = target.saturating_sub(one).as_nanos() / a_pass.as_nanos();
    u32::try_from(fitting).unwrap_or(u32::MAX - passes)
}

/// The shortest duration of a few hashes: other load only makes them longer.
fn shortest_hash_time(cost: Cost) -> Result<Duration, HashError> {
    let mut hasher = Hasher::new(Arc::new(HashRecipe { cost, pepper: None }))?;
    let mut best = Duration::MAX;
    for _ in 0..4 {
        let began = Instant::now();
        hasher.hash(PASSWORD)?;
        best = best.min(began.elapsed());
    }
    Ok(best)
}

const PASSWORD: &[u8] = b"a password for measurements";

fn measure_blocking(cost: Cost, threads: NonZeroUsize) -> Result<HashSpeed, HashError> {
    let recipe = Arc::new(HashRecipe { cost, pepper: None });
    let hashers = (0..threads.get()).map(|_| Hasher::new(Arc::clone(&recipe)));
    let hashers: Vec<_> = hashers.collect::<Result<_, _>>()?;
    let done = AtomicU64::new(0);
    let began = Instant::now();
    let results: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = hashers
            .into_iter()
            .map(|mut hasher| {
                let done = &done;
                scope.spawn(move || {
                    // The first hash maps the memory; each thread computes at least one more.
                    hasher.hash(PASSWORD)?;
                    loop {
                        hasher.hash(PASSWORD)?;
                        done.fetch_add(1, Relaxed);
                        if began.elapsed() >= STEP {
                            return Ok(began.elapsed());
                        }
                    }
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().unwrap_or(Ok(Duration::ZERO))).collect()
    });
    let took: Vec<Duration> = results.into_iter().collect::<Result<_, _>>()?;
    let took = took.into_iter().max().unwrap_or_default().as_secs_f64();
    // The hashes that mapped the memory count too.
    let count = done.into_inner() as f64 + threads.get() as f64;
    Ok(HashSpeed { threads, hashes_per_second: count / took.max(1e-9) })
}

/// Runs blocking work on a thread of its own. If dropped, the thread ends by itself.
async fn on_own_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
) -> Result<T, HashError> {
    let (tx, rx) = oneshot::channel();
    let run = move || {
        let _ = tx.send(work());
    };
    let builder = thread::Builder::new().name("mesero-calibrate".to_owned());
    builder.spawn(run).map_err(HashError::Thread)?;
    rx.await.map_err(|_| HashError::Thread(std::io::ErrorKind::BrokenPipe.into()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_calibrated_cost_is_never_weak() {
        let cost = calibrate_cost(Duration::from_millis(1)).await.unwrap();
        assert!(!cost.is_weak(), "{cost}");
    }

    #[test]
    fn no_noise_in_two_measurements_gives_a_cost_far_above_the_target_time() {
        let times = || (1..400).map(Duration::from_millis);
        for (passes, target) in [(1, 50), (1, 250), (2, 50), (2, 10_000)] {
            let target = Duration::from_millis(target);
            for (one, next) in times().flat_map(|one| times().map(move |next| (one, next))) {
                if one > target {
                    continue;
                }
                let all = passes + further_passes(target, passes, one, next);
                let takes = one / passes * all;
                assert!(takes <= target, "{one:?}, {next:?}: {all} passes take {takes:?}");
            }
        }
    }

    #[test]
    fn passes_of_equal_duration_fill_the_target() {
        let of = |count: u64| Duration::from_millis(30 * count);
        assert_eq!(further_passes(of(10), 1, of(1), of(2)), 9);
        assert_eq!(further_passes(of(10), 2, of(2), of(3)), 8);
        assert_eq!(further_passes(of(2), 2, of(2), of(3)), 0);
    }

    #[tokio::test]
    async fn a_speed_is_measured_within_the_permitted_threads() {
        let recipe = HashRecipe { cost: Cost::new(1024, 1, 1).unwrap(), pepper: None };
        let max = NonZeroUsize::new(2).unwrap();
        let speed = fastest_thread_count(&recipe, max).await.unwrap();
        assert!(speed.threads <= max && speed.hashes_per_second > 0.0, "{speed:?}");
    }
}
