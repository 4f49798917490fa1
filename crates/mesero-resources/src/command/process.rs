//! One process group, from its start until its leader is reaped.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use mesero::Failure;
use mesero_process::launch::Launched;
use mesero_process::leader::{GroupLeader, not_started, signal_group, unwatched};
use rustix::fs::OFlags;
use rustix::io::retry_on_intr;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitOptions, waitpid};
use tokio::io::sink;
use tokio::net::unix::pipe;
use tokio::time::timeout;

use super::invocation::Invocation;
use super::run_context::RunContext;

/// A process that leads its own group, with pipes on its output streams.
///
/// It stays unreaped until [`reap`](Self::reap), so that its process ID stays its own and a signal
/// to the group reaches no other process.
#[derive(Debug)]
pub(super) struct CommandProcess {
    guard: KillOnDrop,
    leader: GroupLeader,
}

/// A group that is killed, and its leader reaped, at the latest when this is dropped.
#[derive(Debug)]
struct KillOnDrop(Option<Pid>);

/// mesero's ends of the pipes.
#[derive(Debug)]
pub(super) struct CommandStreams {
    /// None if its standard input is empty.
    pub(super) stdin: Option<pipe::Sender>,
    pub stdout: pipe::Receiver,
    pub stderr: pipe::Receiver,
}

impl CommandProcess {
    /// Starts the process at a seat. Dropping the future kills a started process, which stays in
    /// the guardian's list.
    ///
    /// # Errors
    /// `Unreachable` if it did not start, `Lost` if it started and cannot be watched.
    pub(super) async fn start(
        invocation: Invocation,
        context: &Arc<RunContext>,
        seat: usize,
    ) -> Result<(Self, CommandStreams), Failure> {
        let theirs = Arc::clone(context);
        let started = context.spawner.run(move || start(&invocation, &theirs, seat)).await;
        match started.map_err(|error| not_started(&error))? {
            Ok(started) => Ok(started),
            Err(StartFailure::NotStarted(error)) => Err(not_started(&error)),
            Err(StartFailure::Unmanageable(error)) => Err(unwatched(&error)),
        }
    }

    /// Waits until the leader has exited; other processes of its group may still run. Dropping the
    /// future has no effect.
    pub(super) async fn ended(&self) {
        self.leader.ended().await;
    }

    /// Sends a signal to the whole group.
    pub(super) fn signal(&self, signal: Signal) {
        self.leader.signal(signal);
    }

    /// Ends the group: sends SIGTERM, waits for `grace`, sends SIGKILL, and waits for `grace` again
    /// for other processes that hold an output open. Returns once the leader has exited. Dropping
    /// the future stops the escalation.
    pub(super) async fn end(
        &self,
        stdout: pipe::Receiver,
        stderr: pipe::Receiver,
        grace: Duration,
    ) {
        let gone = async { tokio::join!(self.ended(), closed(stdout, stderr)) };
        let mut gone = pin!(gone);
        self.signal(Signal::TERM);
        if timeout(grace, gone.as_mut()).await.is_ok() {
            return;
        }
        self.signal(Signal::KILL);
        // A process that has left the group, and holds an output open, is not killed with it.
        if timeout(grace, gone).await.is_err() {
            self.ended().await;
        }
    }

    /// Reaps the leader, which has exited; from then on the system may reuse the group's ID.
    ///
    /// # Errors
    /// If the system does not report its exit status.
    pub(super) fn reap(mut self) -> io::Result<ExitStatus> {
        self.guard.reap()
    }
}

impl KillOnDrop {
    fn reap(&mut self) -> io::Result<ExitStatus> {
        let leader = self.0.take().ok_or(io::ErrorKind::NotFound)?;
        let reaped = retry_on_intr(|| waitpid(Some(leader), WaitOptions::empty()))?;
        let (_, status) = reaped.ok_or(io::ErrorKind::NotFound)?;
        Ok(ExitStatus::from_raw(status.as_raw()))
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            signal_group(group, Signal::KILL);
            let _ = self.reap();
        }
    }
}

/// Reason why there is no process to watch.
enum StartFailure {
    NotStarted(io::Error),
    Unmanageable(io::Error),
}

/// Runs on the thread that starts processes: nothing comes between the start and the guardian's
/// record of it.
fn start(
    invocation: &Invocation,
    context: &RunContext,
    seat: usize,
) -> Result<(CommandProcess, CommandStreams), StartFailure> {
    let (their_stdin, stdin) = if invocation.is_fed {
        let (theirs, ours) = piped().map_err(StartFailure::NotStarted)?;
        (Some(theirs), Some(ours))
    } else {
        (None, None)
    };
    let (stdout, their_stdout) = piped().map_err(StartFailure::NotStarted)?;
    let (stderr, their_stderr) = piped().map_err(StartFailure::NotStarted)?;
    let their_stdin = their_stdin.as_ref().map_or(context.nothing.as_fd(), AsFd::as_fd);
    let streams = [their_stdin, their_stdout.as_fd(), their_stderr.as_fd()];
    let launched = context.launcher.launch(&invocation.arguments, &invocation.variables, streams);
    let Launched { group, handle } = launched.map_err(StartFailure::NotStarted)?;
    // From here on, dropping it kills the group.
    let guard = KillOnDrop(Some(group));
    let looked_after = || -> io::Result<_> {
        context.guardian.watch(seat, group)?;
        let streams = CommandStreams {
            stdin: stdin
                .map(|stdin| pipe::Sender::from_owned_fd_unchecked(ours(stdin)?))
                .transpose()?,
            stdout: pipe::Receiver::from_owned_fd_unchecked(ours(stdout)?)?,
            stderr: pipe::Receiver::from_owned_fd_unchecked(ours(stderr)?)?,
        };
        Ok((GroupLeader::new(group, handle)?, streams))
    };
    let (leader, streams) = looked_after().map_err(StartFailure::Unmanageable)?;
    Ok((CommandProcess { guard, leader }, streams))
}

/// Returns a pipe's two ends: one to read from, one to write to.
fn piped() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(pipe_with(PipeFlags::CLOEXEC)?)
}

/// Makes this end nonblocking; the other end stays as it is.
fn ours(end: OwnedFd) -> io::Result<OwnedFd> {
    rustix::fs::fcntl_setfl(&end, OFlags::NONBLOCK)?;
    Ok(end)
}

/// Waits until no process holds the outputs open. Reads and discards them, so that no process hangs
/// in a write while it cleans up.
async fn closed(mut stdout: pipe::Receiver, mut stderr: pipe::Receiver) {
    let (mut nowhere, mut nowhere_too) = (sink(), sink());
    let stdout = tokio::io::copy(&mut stdout, &mut nowhere);
    let stderr = tokio::io::copy(&mut stderr, &mut nowhere_too);
    // An error ends an output like the end of the stream.
    let _ = tokio::join!(stdout, stderr);
}
