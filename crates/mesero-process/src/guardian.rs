//! Ends what commands have started, should mesero be killed itself.

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

/// Waits for the end of its input, and kills the groups whose numbers stand in the file that it has as its standard output,
/// unless it was told that all is well.
///
/// It uses nothing but what a POSIX shell has built in, so that it starts nothing itself.
const SCRIPT: &str = r#"
read -r word && [ "$word" = stop ] && exit
while read -r group; do
    [ -z "$group" ] || kill -s KILL -- "-$group"
done <&1
"#;

/// How long a line of that file is, with its end: enough for any number of a process.
const LINE_BYTES: usize = 16;

/// At most one is started in this time, so that one that always ends does not keep the machine busy.
const RESTART_INTERVAL: Duration = Duration::from_secs(1);

/// A process that outlives mesero for a moment.
///
/// The kernel kills a command when mesero dies, but not what the command has started; a shell
/// script would be gone and the program that it waited for would run on.
///
/// If the process itself is killed, another one takes its place, which the log says. Dropping this
/// without [`stop`](Self::stop) kills the groups that it knows.
#[derive(Debug)]
pub struct Guardian {
    /// In memory: the group at each seat.
    groups: File,
    supervisor: Mutex<Option<SupervisorHandle>>,
}

/// What is told that all is well, and the task that hears it.
type SupervisorHandle = (oneshot::Sender<()>, AbortOnDropHandle<()>);

impl Guardian {
    /// Starts it, for commands at so many seats; `owner` is whose they are, for the log.
    ///
    /// # Errors
    /// If there is no `/bin/sh`, or the system gives no process.
    pub fn start(owner: Arc<str>, seats: usize) -> io::Result<Self> {
        let groups = File::from(rustix::fs::memfd_create("mesero-groups", MemfdFlags::CLOEXEC)?);
        // A seat that nobody has had yet is an empty line too.
        groups.write_all_at(&line("").repeat(seats), 0)?;
        let (stop_tx, stop_rx) = oneshot::channel();
        let guard = GuardianProcess::start(&groups)?;
        let supervisor = GuardianSupervisor { owner, groups: groups.try_clone()?, guard };
        let task = AbortOnDropHandle::new(TaskTracker::new().spawn(supervisor.run_until(stop_rx)));
        Ok(Self { groups, supervisor: Mutex::new(Some((stop_tx, task))) })
    }

    /// Says that this group runs at this seat. It is known once this returns, whatever becomes of mesero then.
    ///
    /// # Errors
    /// If the system has no memory for a line.
    pub fn watch(&self, seat: usize, group: Pid) -> io::Result<()> {
        self.write(seat, &group.to_string())
    }

    /// Says that the group at this seat is about to be gone. Its number must not be given up before that.
    ///
    /// # Errors
    /// None in practice: the line is there already.
    pub fn forget(&self, seat: usize) -> io::Result<()> {
        self.write(seat, "")
    }

    fn write(&self, seat: usize, group: &str) -> io::Result<()> {
        let at = seat.saturating_mul(LINE_BYTES);
        self.groups.write_all_at(&line(group), u64::try_from(at).unwrap_or(u64::MAX))
    }

    /// Lets it end, and waits until it has.
    pub async fn stop(&self) {
        let supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop_tx, task)) = supervisor {
            let _ = stop_tx.send(());
            // It only fails when the runtime is shut down.
            let _ = task.await;
        }
    }
}

/// The process as it runs now.
struct GuardianProcess {
    child: Child,
    /// Its end is mesero's.
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

/// Sees to it that there always is one.
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
                // If it is gone already, there is nobody to be told.
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
                        "what ends the commands of a mesero that is killed has itself ended ({how}); a new one has \
                         taken its place"
                    );
                    return;
                }
                Err(error) => {
                    self.guard.begun = Instant::now();
                    tracing::error!(
                        resource,
                        "what ends the commands of a mesero that is killed has itself ended ({how}), and no new one \
                         can be started: {error}; if mesero is killed now, what commands have started runs on"
                    );
                }
            }
        }
    }
}

/// Blanks and a number, which is nothing but the number to a shell.
fn line(group: &str) -> Vec<u8> {
    format!("{group:>width$}\n", width = LINE_BYTES - 1).into_bytes()
}
