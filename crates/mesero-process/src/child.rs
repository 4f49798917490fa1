//! Start and end of a child: confined to its own process group, which is ended as a whole.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::process::Stdio;
use std::time::Duration;

use rustix::io::FdFlags;
use rustix::process::{Pid, Signal, getpid, getppid, kill_process_group};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Makes `command` start a process that leads its own group, is killed when mesero dies, has no
/// standard input, and inherits `inherited` under the same numbers.
///
/// The returned guard must be kept until the child has been spawned.
pub fn confine(command: &mut Command, inherited: Vec<OwnedFd>) -> Inherited {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    let numbers: Vec<RawFd> = inherited.iter().map(AsRawFd::as_raw_fd).collect();
    let parent = getpid();
    let prepare = move || prepare_child(&numbers, parent);
    #[expect(
        unsafe_code,
        reason = "prepare_child makes system calls and nothing else: it takes no lock and allocates \
                  nothing, so it may run between fork and exec"
    )]
    // SAFETY: see the reason above.
    unsafe {
        command.pre_exec(prepare);
    }
    Inherited(inherited)
}

/// Files that a child is about to inherit.
#[derive(Debug)]
#[must_use = "dropping it before the child is spawned closes what the child should inherit"]
pub struct Inherited(#[expect(dead_code, reason = "kept for its drop")] Vec<OwnedFd>);

fn prepare_child(inherited: &[RawFd], parent: Pid) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have exited before the line above; then the signal never comes.
        if getppid() != Some(parent) {
            return Err(io::Error::from(rustix::io::Errno::SRCH));
        }
    }
    for number in inherited {
        #[expect(unsafe_code, reason = "the parent holds these files open until the child runs")]
        // SAFETY: see the reason above.
        let file = unsafe { BorrowedFd::borrow_raw(*number) };
        rustix::io::fcntl_setfd(file, FdFlags::empty())?;
    }
    Ok(())
}

/// Ends a child and its process group: sends SIGTERM, waits for `grace`, then sends SIGKILL.
/// Returns when the child is reaped.
///
/// Dropping the future stops the wait; the child stays, and is killed when `child` is dropped.
pub async fn end(child: &mut Child, grace: Duration) {
    // Not yet reaped, so the number is still the child's.
    let Some(group) = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) else {
        return;
    };
    // It may have exited since, which is the goal.
    let _ = kill_process_group(group, Signal::TERM);
    if timeout(grace, child.wait()).await.is_err() {
        let _ = kill_process_group(group, Signal::KILL);
        let _ = child.wait().await;
    }
}
