//! One process group, from its start until its leader is reaped.

use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::process::ExitStatus;
use std::time::Duration;

use mesero::Failure;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, sink};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::process::spawner::Spawner;

/// A process that leads its own group, with pipes on all three streams.
///
/// It stays unreaped until [`reap`](Self::reap), so that its number is its own and a signal to its
/// group reaches nobody else.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    pub(super) group: Pid,
    /// Readable once the leader has ended, which does not reap it.
    handle: AsyncFd<OwnedFd>,
}

/// The ends of its streams that are ours.
#[derive(Debug)]
pub(super) struct Streams {
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

impl Process {
    /// Starts `command`. It must not be dropped half way.
    ///
    /// # Errors
    /// `Unreachable` if it did not start, `Lost` if it did and cannot be looked after.
    pub(super) async fn start(
        command: Command,
        spawner: &Spawner,
    ) -> Result<(Self, Streams), Failure> {
        let spawned = spawner.spawn(command).await;
        let mut child = spawned
            .map_err(|error| Failure::unreachable(format!("the command did not start: {error}")))?;
        let lost =
            |what: &str| Failure::lost(format!("the command cannot be looked after: {what}"));
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let group = group.ok_or_else(|| lost("it has no number"))?;
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let process = match handle(group) {
            Ok(handle) => Self { child, group, handle },
            Err(error) => {
                // It may have failed for want of files; then it is better not to have run at all.
                let _ = kill_process_group(group, Signal::KILL);
                let _ = child.wait().await;
                return Err(lost(&error.to_string()));
            }
        };
        match streams {
            (Some(stdin), Some(stdout), Some(stderr)) => {
                Ok((process, Streams { stdin, stdout, stderr }))
            }
            _ => Err(lost("it has no pipes")),
        }
    }

    /// Waits until the leader has ended; others of its group may still run.
    pub(super) async fn ended(&self) {
        // It can only fail when the runtime is shut down, and then nothing is awaited any more.
        let _ = self.handle.readable().await;
    }

    /// Sends a signal to the whole group.
    pub(super) fn signal(&self, signal: Signal) {
        // All of them may have ended in between, which is what we want.
        let _ = kill_process_group(self.group, signal);
    }

    /// Ends the group: asks, waits for `grace`, kills, and waits as long again for those who hold
    /// an output open. Returns once the leader has ended.
    pub(super) async fn end(&self, outputs: (ChildStdout, ChildStderr), grace: Duration) {
        let gone = async { tokio::join!(self.ended(), closed(outputs)) };
        let mut gone = pin!(gone);
        self.signal(Signal::TERM);
        if timeout(grace, gone.as_mut()).await.is_ok() {
            return;
        }
        self.signal(Signal::KILL);
        // Who has left the group, and holds an output open, is not killed with it.
        if timeout(grace, gone).await.is_err() {
            self.ended().await;
        }
    }

    /// Reaps the leader, which gives up the group's number.
    ///
    /// # Errors
    /// If the system does not say how it ended.
    pub(super) async fn reap(mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }
}

/// Becomes readable once the process has ended, which does not reap it.
fn handle(process: Pid) -> io::Result<AsyncFd<OwnedFd>> {
    let fd = pidfd_open(process, PidfdFlags::NONBLOCK)?;
    #[expect(unsafe_code, reason = "an `OwnedFd` is the same open file until it is dropped")]
    // SAFETY: see the reason above.
    let registered = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
    Ok(registered?)
}

/// Waits until nobody holds the outputs open. What comes is read, so that nobody who cleans up
/// hangs in a write.
async fn closed((mut stdout, mut stderr): (ChildStdout, ChildStderr)) {
    let (mut nowhere, mut nowhere_too) = (sink(), sink());
    let stdout = tokio::io::copy(&mut stdout, &mut nowhere);
    let stderr = tokio::io::copy(&mut stderr, &mut nowhere_too);
    // An error is an end too.
    let _ = tokio::join!(stdout, stderr);
}
