//! Recycling: replacement of workers that have served their share.

use std::fmt;
use std::io;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mesero_config::Recycling;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// Reason for the replacement of a healthy worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecyclingReason {
    Requests,
    Age,
    Memory,
    /// The code may have changed.
    Reload,
}

/// Calls served by one worker, and its bounds.
#[derive(Debug)]
pub(super) struct RecyclingState {
    served: AtomicU64,
    /// Calls after which it is replaced.
    max_calls: Option<u64>,
    max_calls_reached: Notify,
    age: Option<Duration>,
    memory: Option<u64>,
}

/// Time between two checks of a worker's memory.
const MEMORY_CHECK_INTERVAL: Duration = Duration::from_secs(1);

impl RecyclingState {
    pub(super) fn new(recycling: &Recycling) -> Self {
        let max_calls = |calls: NonZeroU32| {
            u64::from(calls.get()) + u64::from(fastrand::u32(0..=recycling.jitter))
        };
        Self {
            served: AtomicU64::new(0),
            max_calls: recycling.max_requests.map(max_calls),
            max_calls_reached: Notify::new(),
            age: recycling.max_age,
            memory: recycling.max_memory,
        }
    }

    /// Counts a call that has ended.
    pub(super) fn served(&self) {
        let served = self.served.fetch_add(1, Ordering::Relaxed) + 1;
        if self.max_calls == Some(served) {
            self.max_calls_reached.notify_one();
        }
    }

    /// Waits until the worker of process `pid`, which has just started, is due for replacement.
    /// Dropping the future stops the checks.
    pub(super) async fn due(&self, pid: u32) -> RecyclingReason {
        tokio::select! {
            () = self.max_calls_reached.notified() => RecyclingReason::Requests,
            () = age_reached(self.age) => RecyclingReason::Age,
            () = self.memory_exceeded(pid) => RecyclingReason::Memory,
        }
    }

    /// Waits until the memory exceeds its bound. Checks only after further calls: memory that
    /// imports alone need, the successor would need as well.
    async fn memory_exceeded(&self, pid: u32) {
        let Some(most) = self.memory else { return std::future::pending().await };
        let mut ticks = interval(MEMORY_CHECK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut served_before = 0;
        loop {
            ticks.tick().await;
            let served = self.served.load(Ordering::Relaxed);
            if served == served_before {
                continue;
            }
            served_before = served;
            // Exited processes report no memory.
            if resident_bytes(pid).is_ok_and(|bytes| bytes > most) {
                return;
            }
        }
    }
}

async fn age_reached(age: Option<Duration>) {
    match age {
        Some(age) => sleep(age).await,
        None => std::future::pending().await,
    }
}

/// Returns the resident memory of a process, from Linux's `/proc`.
fn resident_bytes(pid: u32) -> io::Result<u64> {
    // A few microseconds: the kernel produces the text without disk access.
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kibibytes = status.lines().find_map(|line| {
        let value = line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?;
        value.parse::<u64>().ok()
    });
    kibibytes.map(|kibibytes| kibibytes * 1024).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

impl RecyclingReason {
    pub(crate) const ALL: [Self; 4] = [Self::Requests, Self::Age, Self::Memory, Self::Reload];

    /// The setting or the event behind it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            RecyclingReason::Requests => "max_requests",
            RecyclingReason::Age => "max_age",
            RecyclingReason::Memory => "max_memory",
            RecyclingReason::Reload => "reload",
        }
    }
}

impl fmt::Display for RecyclingReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Numbers of replacements by reason.
#[derive(Debug, Default)]
pub(super) struct ReplacementCounts([AtomicU64; RecyclingReason::ALL.len()]);

impl ReplacementCounts {
    pub(super) fn add(&self, reason: RecyclingReason) {
        self.0[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> Vec<(&'static str, u64)> {
        let count = |reason: RecyclingReason| self.0[reason as usize].load(Ordering::Relaxed);
        RecyclingReason::ALL.map(|reason| (reason.as_str(), count(reason))).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(calls: u32, jitter: u32) -> Recycling {
        Recycling { max_requests: NonZeroU32::new(calls), jitter, ..Recycling::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_is_due_at_its_last_call_or_at_its_age_whichever_comes_first() {
        let recycling = RecyclingState::new(&Recycling {
            max_age: Some(Duration::from_secs(60)),
            ..settings(3, 0)
        });
        (0..2).for_each(|_| recycling.served());
        assert_eq!(recycling.due(0).await, RecyclingReason::Age);
        (0..2).for_each(|_| recycling.served());
        assert_eq!(recycling.due(0).await, RecyclingReason::Requests);
    }

    #[test]
    fn workers_that_started_together_are_due_at_different_times() {
        let max_calls = |_| RecyclingState::new(&settings(100, 10)).max_calls.unwrap();
        let all: std::collections::BTreeSet<_> = (0..1_000).map(max_calls).collect();
        assert_eq!(all, (100..=110).collect());
    }

    #[tokio::test(start_paused = true)]
    async fn the_memory_of_a_worker_without_calls_does_not_count() {
        let settings = Recycling { max_memory: Some(1), ..Recycling::default() };
        let recycling = RecyclingState::new(&settings);
        let own = std::process::id();
        assert!(resident_bytes(own).unwrap() > 1);
        let idle = tokio::time::timeout(Duration::from_secs(60), recycling.due(own)).await;
        assert!(idle.is_err());
        recycling.served();
        assert_eq!(recycling.due(own).await, RecyclingReason::Memory);
    }
}
