//! When a worker has served enough, and another is to take its place.

use std::fmt;
use std::io;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// How much a worker may serve; without a bound, for ever.
#[derive(Debug, Clone, Default)]
pub struct Bounds {
    /// Calls, of which each worker adds up to `jitter` by chance, so that workers that began
    /// together do not end together.
    pub calls: Option<NonZeroU32>,
    pub jitter: u32,
    pub age: Option<Duration>,
    /// Bytes of resident memory.
    pub memory: Option<u64>,
}

/// Why a worker that is well is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Requests,
    Age,
    Memory,
    /// Its code may be out of date.
    Reload,
}

/// What one worker has served, and what it may serve at most.
#[derive(Debug)]
pub(super) struct Wear {
    served: AtomicU64,
    /// How many calls are enough, if any number is.
    enough: Option<u64>,
    served_enough: Notify,
    age: Option<Duration>,
    memory: Option<u64>,
}

/// Between two looks at a worker's memory.
const LOOK: Duration = Duration::from_secs(1);

impl Wear {
    pub(super) fn new(bounds: &Bounds) -> Self {
        let enough = |calls: NonZeroU32| {
            u64::from(calls.get()) + u64::from(fastrand::u32(0..=bounds.jitter))
        };
        Self {
            served: AtomicU64::new(0),
            enough: bounds.calls.map(enough),
            served_enough: Notify::new(),
            age: bounds.age,
            memory: bounds.memory,
        }
    }

    /// A call is over.
    pub(super) fn served(&self) {
        let served = self.served.fetch_add(1, Ordering::Relaxed) + 1;
        if self.enough == Some(served) {
            self.served_enough.notify_one();
        }
    }

    /// Waits until the worker, whose process this is and who has just greeted, has served enough.
    pub(super) async fn out(&self, pid: u32) -> Reason {
        tokio::select! {
            () = self.served_enough.notified() => Reason::Requests,
            () = aged(self.age) => Reason::Age,
            () = self.grown(pid) => Reason::Memory,
        }
    }

    /// Looks now and then, and only when it has served since: what it has from its imports alone,
    /// its successor will have as well.
    async fn grown(&self, pid: u32) {
        let Some(most) = self.memory else { return std::future::pending().await };
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = 0;
        loop {
            looks.tick().await;
            let served = self.served.load(Ordering::Relaxed);
            if served == seen {
                continue;
            }
            seen = served;
            // One that is gone has no memory; somebody else sees that.
            if resident_bytes(pid).is_ok_and(|bytes| bytes > most) {
                return;
            }
        }
    }
}

async fn aged(age: Option<Duration>) {
    match age {
        Some(age) => sleep(age).await,
        None => std::future::pending().await,
    }
}

/// The memory of a process that is in use, as Linux tells it.
fn resident_bytes(pid: u32) -> io::Result<u64> {
    // A few microseconds: the kernel makes the text up, no disk is asked.
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kibibytes = status.lines().find_map(|line| {
        let value = line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?;
        value.parse::<u64>().ok()
    });
    kibibytes.map(|kibibytes| kibibytes * 1024).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

impl Reason {
    pub(crate) const ALL: [Self; 4] = [Self::Requests, Self::Age, Self::Memory, Self::Reload];

    /// The setting or the event that it comes from.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Reason::Requests => "max_requests",
            Reason::Age => "max_age",
            Reason::Memory => "max_memory",
            Reason::Reload => "reload",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How often workers were replaced for each reason.
#[derive(Debug, Default)]
pub(super) struct Replaced([AtomicU64; Reason::ALL.len()]);

impl Replaced {
    pub(super) fn add(&self, reason: Reason) {
        self.0[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> Vec<(&'static str, u64)> {
        let count = |reason: Reason| self.0[reason as usize].load(Ordering::Relaxed);
        Reason::ALL.map(|reason| (reason.as_str(), count(reason))).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(calls: u32, jitter: u32) -> Bounds {
        Bounds { calls: NonZeroU32::new(calls), jitter, ..Bounds::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_is_worn_out_by_its_calls_or_by_its_age_whichever_comes_first() {
        let wear = Wear::new(&Bounds { age: Some(Duration::from_secs(60)), ..bounds(3, 0) });
        (0..2).for_each(|_| wear.served());
        assert_eq!(wear.out(0).await, Reason::Age);
        (0..2).for_each(|_| wear.served());
        assert_eq!(wear.out(0).await, Reason::Requests);
    }

    #[test]
    fn workers_that_began_together_have_enough_at_different_times() {
        let enough = |_| Wear::new(&bounds(100, 10)).enough.unwrap();
        let all: std::collections::BTreeSet<_> = (0..1_000).map(enough).collect();
        assert_eq!(all, (100..=110).collect());
    }

    #[tokio::test(start_paused = true)]
    async fn the_memory_of_a_worker_that_has_served_nothing_is_not_held_against_it() {
        let bounds = Bounds { memory: Some(1), ..Bounds::default() };
        let wear = Wear::new(&bounds);
        let own = std::process::id();
        assert!(resident_bytes(own).unwrap() > 1);
        let idle = tokio::time::timeout(Duration::from_secs(60), wear.out(own)).await;
        assert!(idle.is_err());
        wear.served();
        assert_eq!(wear.out(own).await, Reason::Memory);
    }
}
