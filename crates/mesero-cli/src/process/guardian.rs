//! Ends what commands have started, should mesero be killed itself.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

use rustix::fs::MemfdFlags;
use rustix::process::Pid;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};

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
const LINE: usize = 16;

/// A process that outlives mesero for a moment.
///
/// The kernel kills a command when mesero dies, but not what the command has started; a shell
/// script would be gone and the program that it waited for would run on.
#[derive(Debug)]
pub(crate) struct Guardian {
    /// In memory: the group at each seat.
    groups: File,
    child: Mutex<Option<(Child, ChildStdin)>>,
}

impl Guardian {
    /// Starts it, for commands at so many seats.
    ///
    /// # Errors
    /// If there is no `/bin/sh`, or the system gives no process.
    pub(crate) fn start(seats: usize) -> io::Result<Self> {
        let groups = File::from(rustix::fs::memfd_create("mesero-groups", MemfdFlags::CLOEXEC)?);
        // A seat that nobody has had yet is an empty line too.
        groups.write_all_at(&line("").repeat(seats), 0)?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT]).env_clear().current_dir("/");
        command.stdin(Stdio::piped()).stdout(groups.try_clone()?).stderr(Stdio::null());
        // In a group of its own, so that Ctrl-C in a terminal does not end it.
        let mut child = command.process_group(0).spawn()?;
        let line = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { groups, child: Mutex::new(Some((child, line))) })
    }

    /// Says that this group runs at this seat. It is known once this returns, whatever becomes of mesero then.
    ///
    /// # Errors
    /// If the system has no memory for a line.
    pub(crate) fn watch(&self, seat: usize, group: Pid) -> io::Result<()> {
        self.write(seat, &group.to_string())
    }

    /// Says that the group at this seat is about to be gone. Its number must not be given up before that.
    ///
    /// # Errors
    /// None in practice: the line is there already.
    pub(crate) fn forget(&self, seat: usize) -> io::Result<()> {
        self.write(seat, "")
    }

    fn write(&self, seat: usize, group: &str) -> io::Result<()> {
        let at = seat.saturating_mul(LINE);
        self.groups.write_all_at(&line(group), u64::try_from(at).unwrap_or(u64::MAX))
    }

    /// Lets it end, and waits until it has.
    pub(crate) async fn stop(&self) {
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((mut child, mut line)) = child {
            // If it is gone already, there is nobody to be told.
            let _ = line.write_all(b"stop\n").await;
            let _ = child.wait().await;
        }
    }
}

/// Blanks and a number, which is nothing but the number to a shell.
fn line(group: &str) -> Vec<u8> {
    format!("{group:>width$}\n", width = LINE - 1).into_bytes()
}
