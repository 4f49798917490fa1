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
/// It stays unreaped until [`reap`](Self::reap), so that its number is its own and a signal to its
/// group reaches nobody else.
#[derive(Debug)]
pub struct ProcessGroup {
    child: Child,
    pub group: Pid,
    /// Readable once the leader has ended, which does not reap it.
    handle: AsyncFd<OwnedFd>,
}

/// The ends of its streams that are ours.
#[derive(Debug)]
pub struct Streams {
    pub stdout: ChildStdout,
    pub stderr: ChildStderr,
}

impl ProcessGroup {
    /// Starts `command`, whose group the guardian knows at this seat from then on. It must not be dropped half way.
    ///
    /// # Errors
    /// `Unreachable` if it did not start, `Lost` if it did and cannot be looked after.
    pub async fn start(
        mut command: Command,
        spawner: &Spawner,
        (guardian, seat): (&Arc<Guardian>, usize),
    ) -> Result<(Self, Streams), Failure> {
        let their_guardian = Arc::clone(guardian);
        // Nothing else comes between a start and the guardian's knowing of it.
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
        let lost =
            |what: &str| Failure::lost(format!("the command cannot be looked after: {what}"));
        let streams = (child.stdout.take(), child.stderr.take());
        let process = match watched.and_then(|()| handle(group)) {
            Ok(handle) => Self { child, group, handle },
            Err(error) => {
                // It may have failed for want of files; then it is better not to have run at all.
                let _ = kill_process_group(group, Signal::KILL);
                let _ = guardian.forget(seat);
                let _ = child.wait().await;
                return Err(lost(&error.to_string()));
            }
        };
        match streams {
            (Some(stdout), Some(stderr)) => Ok((process, Streams { stdout, stderr })),
            _ => Err(lost("it has no pipes")),
        }
    }

    /// Waits until the leader has ended; others of its group may still run.
    pub async fn ended(&self) {
        // It can only fail when the runtime is shut down, and then nothing is awaited any more.
        let _ = self.handle.readable().await;
    }

    /// Sends a signal to the whole group.
    pub fn signal(&self, signal: Signal) {
        // All of them may have ended in between, which is what we want.
        let _ = kill_process_group(self.group, signal);
    }

    /// Reaps the leader, which gives up the group's number.
    ///
    /// # Errors
    /// If the system does not say how it ended.
    pub async fn reap(mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }
}

/// Becomes readable once the process has ended, which does not reap it.
fn handle(process: Pid) -> io::Result<AsyncFd<OwnedFd>> {
    pidfd::watched(pidfd_open(process, PidfdFlags::NONBLOCK)?)
}
