//! Ends what commands have started, should mesero be killed itself.

use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::Pid;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

/// Keeps the numbers of the groups that run. At the end of its input it kills them, unless it was
/// told that all is well.
///
/// It uses nothing but what a POSIX shell has built in, so that it starts nothing itself.
const SCRIPT: &str = r#"
groups=' '
while read -r what group; do
    case $what in
        watch) groups="$groups$group " ;;
        forget) groups="${groups%% "$group" *} ${groups#* "$group" }" ;;
        stop) exit ;;
    esac
done
for group in $groups; do kill -s KILL -- "-$group"; done
"#;

/// A process that outlives mesero for a moment.
///
/// The kernel kills a command when mesero dies, but not what the command has started; a shell
/// script would be gone and the program that it waited for would run on.
#[derive(Debug)]
pub(super) struct Guardian {
    line: pipe::Sender,
    child: Mutex<Option<Child>>,
    resource: Arc<str>,
}

impl Guardian {
    /// Starts it, for the commands of this resource.
    ///
    /// # Errors
    /// If there is no `/bin/sh`, or the system gives no process.
    pub(super) fn start(resource: Arc<str>) -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT]).env_clear().current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // In a group of its own, so that Ctrl-C in a terminal does not end it.
        let mut child = command.process_group(0).spawn()?;
        let line = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let line = pipe::Sender::from_owned_fd(line.into_owned_fd()?)?;
        Ok(Self { line, child: Mutex::new(Some(child)), resource })
    }

    /// Says that this group runs.
    pub(super) async fn watch(&self, group: Pid) {
        self.say(&format!("watch {}\n", group.as_raw_nonzero())).await;
    }

    /// Says that this group is about to be gone. Its number must not be given up before that.
    pub(super) async fn forget(&self, group: Pid) {
        self.say(&format!("forget {}\n", group.as_raw_nonzero())).await;
    }

    /// Lets it end, and waits until it has.
    pub(super) async fn stop(&self) {
        self.say("stop\n").await;
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut child) = child {
            let _ = child.wait().await;
        }
    }

    async fn say(&self, line: &str) {
        loop {
            // A pipe takes a line as short as this whole or not at all.
            match self.line.try_write(line.as_bytes()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let _ = self.line.writable().await;
                }
                Err(error) => {
                    let resource = &*self.resource;
                    tracing::warn!(
                        target: "command",
                        resource,
                        %error,
                        "the guardian is gone: should mesero be killed, commands may outlive it"
                    );
                    return;
                }
                Ok(_) => return,
            }
        }
    }
}
