//! The leader of a process group, and signals to the group.

use std::io;
use std::os::fd::OwnedFd;

use mesero::Failure;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::unix::AsyncFd;

use super::pidfd;

/// A process that leads its own group, watched until it has exited.
///
/// It does not reap the process: its process ID stays its own until the owner does, so that a signal
/// to the group reaches no other process. Dropping it neither ends nor reaps the process.
#[derive(Debug)]
pub struct GroupLeader {
    group: Pid,
    /// Readable once the leader has exited, which leaves it unreaped.
    handle: AsyncFd<OwnedFd>,
}

impl GroupLeader {
    /// Watches the leader of `group` through its handle (a pidfd).
    ///
    /// # Errors
    /// If the handle cannot be watched.
    pub fn new(group: Pid, handle: OwnedFd) -> io::Result<Self> {
        Ok(Self { group, handle: pidfd::watched(handle)? })
    }

    pub fn group(&self) -> Pid {
        self.group
    }

    /// Waits until the leader has exited; other processes of its group may still run. Dropping the
    /// future has no effect.
    pub async fn ended(&self) {
        // It fails only while the runtime shuts down, when nothing is awaited.
        let _ = self.handle.readable().await;
    }

    /// Sends a signal to the whole group.
    pub fn signal(&self, signal: Signal) {
        signal_group(self.group, signal);
    }
}

/// Sends a signal to a group whose leader is not reaped.
pub fn signal_group(group: Pid, signal: Signal) {
    // All of them may have exited since, which is the goal.
    let _ = kill_process_group(group, signal);
}

/// The failure of a command that did not start.
pub fn not_started(error: &io::Error) -> Failure {
    Failure::unreachable(format!("the command did not start: {error}"))
}

/// The failure of a command that started and cannot be watched.
pub fn unwatched(error: &io::Error) -> Failure {
    Failure::lost(format!("the command started and cannot be watched: {error}"))
}
