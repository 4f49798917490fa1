//! A helper process that ends what commands have started if mesero itself is killed.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::MemfdFlags;
use rustix::process::Pid;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// Program of the guardian: waits for the end of its input, then kills the groups listed in the
/// file on its standard output. The word `stop` makes it exit without a kill.
///
/// It uses only builtins of a POSIX shell, so that it starts no process itself.
const SCRIPT: &str = r#"
read -r word && [ "$word" = stop ] && exit
while read -r group; do
    [ -z "$group" ] || kill -s KILL -- "-$group"
done <&1
"#;

/// Bytes of a line in that file, its end included: enough for any process ID.
const LINE_BYTES: usize = 16;

/// Least time between two starts, so that a guardian that always fails does not keep the machine
/// busy.
const RESTART_INTERVAL: Duration = Duration::from_secs(1);

/// A process that outlives mesero for a moment.
///
/// The kernel kills a command when mesero dies, but not the processes that the command has started:
/// the program under a shell script would continue to run.
///
/// If the guardian process itself is killed, another one replaces it, and the log reports it.
/// Dropping this without [`stop`](Self::stop) kills the groups that it knows.
#[derive(Debug)]
pub struct Guardian {
    /// File in memory with the group at each seat.
    groups: File,
    supervisor: Mutex<Option<SupervisorHandle>>,
}

/// The sender that requests the stop, and the supervisor's task.
#[derive(Debug)]
struct SupervisorHandle {
    stop_tx: oneshot::Sender<()>,
    task: AbortOnDropHandle<()>,
}

impl Guardian {
    /// Starts the process, for commands at this number of seats; `owner` is the name of their
    /// resource, for the log.
    ///
    /// # Errors
    /// If there is no `/bin/sh`, or the system starts no process.
    pub fn start(owner: Arc<str>, seats: usize) -> io::Result<Self> {
        let groups = File::from(rustix::fs::memfd_create("mesero-groups", MemfdFlags::CLOEXEC)?);
        // A seat that was never used is an empty line too.
        groups.write_all_at(&line("").repeat(seats), 0)?;
        let (stop_tx, stop_rx) = oneshot::channel();
        let guard = GuardianProcess::start(&groups)?;
        let supervisor = GuardianSupervisor { owner, groups: groups.try_clone()?, guard };
        let task = AbortOnDropHandle::new(TaskTracker::new().spawn(supervisor.run_until(stop_rx)));
        Ok(Self { groups, supervisor: Mutex::new(Some(SupervisorHandle { stop_tx, task })) })
    }

    /// Records that this group runs at this seat. Once this returns, the group is killed if mesero
    /// is.
    ///
    /// # Errors
    /// If the system has no memory for a line.
    pub fn watch(&self, seat: usize, group: Pid) -> io::Result<()> {
        self.write(seat, &group.to_string())
    }

    /// Records that the group at this seat is about to be reaped. Call it before the system may
    /// reuse its ID.
    ///
    /// # Errors
    /// None in practice: the line exists already.
    pub fn forget(&self, seat: usize) -> io::Result<()> {
        self.write(seat, "")
    }

    fn write(&self, seat: usize, group: &str) -> io::Result<()> {
        let at = seat.saturating_mul(LINE_BYTES);
        self.groups.write_all_at(&line(group), u64::try_from(at).unwrap_or(u64::MAX))
    }

    /// Lets the process exit, and waits until it has. Dropping the future stops the wait only.
    pub async fn stop(&self) {
        let supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(SupervisorHandle { stop_tx, task }) = supervisor {
            let _ = stop_tx.send(());
            // It fails only while the runtime shuts down.
            let _ = task.await;
        }
    }
}

/// The process that runs now.
struct GuardianProcess {
    child: Child,
    /// Closes with mesero, which is the process's signal to act.
    line: ChildStdin,
    begun: Instant,
}

impl GuardianProcess {
    fn start(groups: &File) -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT]).env_clear().current_dir("/");
        command.stdin(Stdio::piped()).stdout(groups.try_clone()?).stderr(Stdio::null());
        // In a group of its own, so that Ctrl-C in a terminal does not end it.
        let mut child = command.process_group(0).spawn()?;
        let line = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { child, line, begun: Instant::now() })
    }
}

/// Replaces the process whenever it ends.
struct GuardianSupervisor {
    owner: Arc<str>,
    groups: File,
    guard: GuardianProcess,
}

impl GuardianSupervisor {
    async fn run_until(mut self, stop_rx: oneshot::Receiver<()>) {
        tokio::select! {
            () = self.replace_whenever_it_ends() => {}
            Ok(()) = stop_rx => {
                // If it has ended already, there is nothing to stop.
                let _ = self.guard.line.write_all(b"stop\n").await;
                let _ = self.guard.child.wait().await;
            }
        }
    }

    async fn replace_whenever_it_ends(&mut self) {
        loop {
            let ended = self.guard.child.wait().await;
            self.replace(ended).await;
        }
    }

    async fn replace(&mut self, ended: io::Result<ExitStatus>) {
        let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
        let resource = &*self.owner;
        loop {
            sleep_until(self.guard.begun + RESTART_INTERVAL).await;
            match GuardianProcess::start(&self.groups) {
                Ok(guard) => {
                    self.guard = guard;
                    tracing::warn!(
                        resource,
                        "the guardian process of this resource's commands ended ({how}); started a new one"
                    );
                    return;
                }
                Err(error) => {
                    self.guard.begun = Instant::now();
                    tracing::error!(
                        resource,
                        "the guardian process of this resource's commands ended ({how}), and starting a new one \
                         failed: {error}; if mesero is killed now, the children of its commands continue to run"
                    );
                }
            }
        }
    }
}

/// A padded number, which a shell reads as the number alone.
fn line(group: &str) -> Vec<u8> {
    format!("{group:>width$}\n", width = LINE_BYTES - 1).into_bytes()
}
