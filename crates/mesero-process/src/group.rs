//! One process group, from its start until its leader is reaped.

use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitStatus;
use std::sync::Arc;

use mesero::Failure;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use tokio::io::unix::AsyncFd;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use super::guardian::Guardian;
use super::pidfd;
use super::spawner::Spawner;

/// A process that leads its own group, with pipes on its output streams.
///
/// It stays unreaped until [`reap`](Self::reap), so that its process ID stays its own and a signal
/// to the group reaches no other process.
#[derive(Debug)]
pub struct ProcessGroup {
    child: Child,
    pub group: Pid,
    /// Readable once the leader has ended, which does not reap it.
    handle: AsyncFd<OwnedFd>,
}

/// mesero's ends of the output pipes.
#[derive(Debug)]
pub struct Streams {
    pub stdout: ChildStdout,
    pub stderr: ChildStderr,
}

impl ProcessGroup {
    /// Starts `command`; from then on the guardian knows its group at this seat. It must not be
    /// dropped half way: a process that has started would stay in the guardian's list.
    ///
    /// # Errors
    /// `Unreachable` if it did not start, `Lost` if it started and cannot be watched.
    pub async fn start(
        mut command: Command,
        spawner: &Spawner,
        guardian: &Arc<Guardian>,
        seat: usize,
    ) -> Result<(Self, Streams), Failure> {
        let their_guardian = Arc::clone(guardian);
        // Nothing comes between the start and the guardian's record of it.
        let start = move || -> io::Result<_> {
            let child = command.spawn()?;
            let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
            let group = group.ok_or(io::ErrorKind::NotFound)?;
            let watched = their_guardian.watch(seat, group);
            Ok((child, group, watched))
        };
        let started = spawner.run(start).await.and_then(|started| started);
        let (mut child, group, watched) = started
            .map_err(|error| Failure::unreachable(format!("the command did not start: {error}")))?;
        let lost = |what: &str| {
            Failure::lost(format!("the command started and cannot be watched: {what}"))
        };
        let streams = (child.stdout.take(), child.stderr.take());
        let process = match watched.and_then(|()| handle(group)) {
            Ok(handle) => Self { child, group, handle },
            Err(error) => {
                // There may be no file descriptors left; a process that cannot be watched must not
                // run.
                let _ = kill_process_group(group, Signal::KILL);
                let _ = guardian.forget(seat);
                let _ = child.wait().await;
                return Err(lost(&error.to_string()));
            }
        };
        match streams {
            (Some(stdout), Some(stderr)) => Ok((process, Streams { stdout, stderr })),
            _ => Err(lost("its output has no pipes")),
        }
    }

    /// Waits until the leader has exited; other processes of its group may still run. Dropping the
    /// future has no effect.
    pub async fn ended(&self) {
        // It fails only while the runtime shuts down, when nothing is awaited.
        let _ = self.handle.readable().await;
    }

    /// Sends a signal to the whole group.
    pub fn signal(&self, signal: Signal) {
        // All of them may have exited since, which is the goal.
        let _ = kill_process_group(self.group, signal);
    }

    /// Reaps the leader; from then on the system may reuse the group's ID. Dropping the future
    /// leaves the reaping to the runtime.
    ///
    /// # Errors
    /// If the system does not report its exit status.
    pub async fn reap(mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }
}

/// Becomes readable once the process has ended, which does not reap it.
fn handle(process: Pid) -> io::Result<AsyncFd<OwnedFd>> {
    pidfd::watched(pidfd_open(process, PidfdFlags::NONBLOCK)?)
}
