//! Measures this machine before the work: how fast it hashes, with how many threads, and what a hash may cost.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::argon2::cost::Cost;
use crate::argon2::hasher::{HashError, HashRecipe, Hasher};

/// How fast so many threads hash together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HashSpeed {
    pub(crate) threads: NonZeroUsize,
    /// Of all of them together.
    pub(crate) hashes_per_second: f64,
}

/// How long each step of the ramp runs: long enough for the noise of a machine in use.
const STEP: Duration = Duration::from_millis(700);
/// A thread more has to bring at least this share of what one brings, or it is not worth its memory.
const GAIN: f64 = 0.05;

/// With how many threads, at most `most`, it is fastest: 1, 2, 4 … and `most` itself, as long as
/// each step is faster by [`GAIN`] than the one before.
///
/// Dropping the future lets the measuring thread end by itself.
///
/// # Errors
/// If there is no memory for so many.
pub(crate) async fn fastest_thread_count(
    recipe: &HashRecipe,
    most: NonZeroUsize,
) -> Result<HashSpeed, HashError> {
    let cost = recipe.cost;
    on_own_thread(move || {
        let mut best = speed(cost, NonZeroUsize::MIN)?;
        while best.threads < most {
            let threads = best.threads.saturating_add(best.threads.get()).min(most);
            let next = speed(cost, threads)?;
            if next.hashes_per_second < best.hashes_per_second * (1.0 + GAIN) {
                break;
            }
            best = next;
        }
        Ok(best)
    })
    .await
}

/// How fast `threads` are.
pub(crate) async fn measure(
    recipe: &HashRecipe,
    threads: NonZeroUsize,
) -> Result<HashSpeed, HashError> {
    let cost = recipe.cost;
    on_own_thread(move || speed(cost, threads)).await
}

/// The cost of a hash that takes about `wanted` on one thread of this machine, and never less than
/// what is good enough.
///
/// 64 MiB where a hash with that fits the time, else the memory of the default; then as many passes
/// as [`further_passes`] allows. A busy machine makes hashes slower, and so the cost lower.
pub(crate) async fn calibrate_cost(wanted: Duration) -> Result<Cost, HashError> {
    on_own_thread(move || {
        for memory in [65_536, Cost::default().memory] {
            let least = Cost { memory, passes: if memory >= 47_104 { 1 } else { 2 }, lanes: 1 };
            let one = shortest_hash_time(least)?;
            if one <= wanted {
                let next = shortest_hash_time(Cost { passes: least.passes + 1, ..least })?;
                let more = further_passes(wanted, least.passes, one, next);
                return Ok(Cost { passes: least.passes + more, ..least });
            }
        }
        Ok(Cost::default())
    })
    .await
}

/// How many passes fit into `wanted` after the first `passes`, which took `one`; with another pass
/// it was `next`.
///
/// Both times are noisy, and their difference may be nothing at all. No pass counts as shorter
/// than the average of the first ones, so noise never gives a cost that takes minutes.
fn further_passes(wanted: Duration, passes: u32, one: Duration, next: Duration) -> u32 {
    let a_pass = next.saturating_sub(one).max(one / passes).max(Duration::from_micros(1));
    let fitting = wanted.saturating_sub(one).as_nanos() / a_pass.as_nanos();
    u32::try_from(fitting).unwrap_or(u32::MAX - passes)
}

/// The shortest of a few: whatever else the machine does makes it longer.
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

const PASSWORD: &[u8] = b"nobody's password";

fn speed(cost: Cost, threads: NonZeroUsize) -> Result<HashSpeed, HashError> {
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
                    // The first one maps the memory; each does one more at least.
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
    // Those that mapped the memory are work too.
    let count = done.into_inner() as f64 + threads.get() as f64;
    Ok(HashSpeed { threads, hashes_per_second: count / took.max(1e-9) })
}

/// Runs what blocks on a thread of its own.
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
    fn no_noise_in_two_measurements_gives_a_cost_far_above_the_wanted_time() {
        let times = || (1..400).map(Duration::from_millis);
        for (passes, wanted) in [(1, 50), (1, 250), (2, 50), (2, 10_000)] {
            let wanted = Duration::from_millis(wanted);
            for (one, next) in times().flat_map(|one| times().map(move |next| (one, next))) {
                if one > wanted {
                    continue;
                }
                let all = passes + further_passes(wanted, passes, one, next);
                let takes = one / passes * all;
                assert!(takes <= wanted, "{one:?}, {next:?}: {all} passes take {takes:?}");
            }
        }
    }

    #[test]
    fn passes_fill_the_wanted_time_where_each_takes_the_same() {
        let of = |count: u64| Duration::from_millis(30 * count);
        assert_eq!(further_passes(of(10), 1, of(1), of(2)), 9);
        assert_eq!(further_passes(of(10), 2, of(2), of(3)), 8);
        assert_eq!(further_passes(of(2), 2, of(2), of(3)), 0);
    }

    #[tokio::test]
    async fn a_speed_is_found_within_the_threads_that_are_allowed() {
        let recipe = HashRecipe { cost: Cost::new(1024, 1, 1).unwrap(), pepper: None };
        let most = NonZeroUsize::new(2).unwrap();
        let speed = fastest_thread_count(&recipe, most).await.unwrap();
        assert!(speed.threads <= most && speed.hashes_per_second > 0.0, "{speed:?}");
    }
}
