//! One process group, from its start until its leader is reaped.

use std::io;
use std::process::ExitStatus;
use std::sync::Arc;

use mesero::Failure;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use super::guardian::Guardian;
use super::leader::{GroupLeader, not_started, signal_group, unwatched};
use super::spawner::Spawner;

/// A process that leads its own group, with pipes on its output streams.
///
/// It stays unreaped until [`reap`](Self::reap), so that its process ID stays its own and a signal
/// to the group reaches no other process.
#[derive(Debug)]
pub struct ProcessGroup {
    child: Child,
    leader: GroupLeader,
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
        let (mut child, group, watched) = started.map_err(|error| not_started(&error))?;
        let streams = (child.stdout.take(), child.stderr.take());
        let process = match watched.and_then(|()| leader(group)) {
            Ok(leader) => Self { child, leader },
            Err(error) => {
                // There may be no file descriptors left; a process that cannot be watched must not
                // run.
                signal_group(group, Signal::KILL);
                let _ = guardian.forget(seat);
                let _ = child.wait().await;
                return Err(unwatched(&error));
            }
        };
        match streams {
            (Some(stdout), Some(stderr)) => Ok((process, Streams { stdout, stderr })),
            _ => Err(unwatched(&io::Error::other("its output has no pipes"))),
        }
    }

    /// The leader, which knows when it has exited, and signals the group.
    pub fn leader(&self) -> &GroupLeader {
        &self.leader
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

fn leader(group: Pid) -> io::Result<GroupLeader> {
    GroupLeader::new(group, pidfd_open(group, PidfdFlags::NONBLOCK)?)
}
