//! Starts a process without a copy of mesero's memory.
//!
//! `fork` copies the page tables, and later every page that either side writes to; for a command of
//! a millisecond that is a third of its cost. So the child borrows the memory until it executes the
//! program (`CLONE_VM` and `CLONE_VFORK`, as inside `posix_spawn`), while the thread that starts it
//! waits. The C library's `posix_spawn` cannot request the signal at mesero's own death.

use std::env;
use std::ffi::{CString, OsStr, OsString, c_char, c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use rustix::process::{Pid, WaitOptions, waitpid};

/// A program with its environment, ready to be started often.
#[derive(Debug)]
pub struct Launcher {
    /// Possible paths of the program, existing ones first.
    candidates: Vec<CString>,
    directory: CString,
    /// `NAME=value`.
    environment: Vec<CString>,
    is_there: bool,
}

/// A process that leads its own group, dies with the thread that started it, and is not reaped yet.
#[derive(Debug)]
pub struct Launched {
    pub group: Pid,
    /// Readable once it has ended.
    pub handle: OwnedFd,
}

impl Launcher {
    /// Searches the given `PATH` for `program`, unless its name contains a slash.
    ///
    /// # Errors
    /// If a text contains a NUL byte.
    pub fn new(
        program: &Path,
        directory: &Path,
        environment: &[(OsString, OsString)],
    ) -> io::Result<Self> {
        let named = |(name, value): &(OsString, OsString)| {
            c_string([name.as_bytes(), b"=", value.as_bytes()].concat())
        };
        let path = environment.iter().rfind(|(name, _)| name == "PATH");
        let path = path.map_or(OsStr::new("/bin:/usr/bin"), |(_, value)| value);
        let mut paths: Vec<_> = if program.as_os_str().as_bytes().contains(&b'/') {
            vec![program.to_owned()]
        } else {
            env::split_paths(path).map(|folder| folder.join(program)).collect()
        };
        let is_there = paths.iter().any(|path| directory.join(path).is_file());
        // The other paths stay, in case the file is moved.
        paths.sort_by_key(|path| !directory.join(path).exists());
        let candidates = paths.iter().map(|path| c_string(path.as_os_str().as_bytes().to_vec()));
        Ok(Self {
            candidates: candidates.collect::<io::Result<_>>()?,
            directory: c_string(directory.as_os_str().as_bytes().to_vec())?,
            environment: environment.iter().map(named).collect::<io::Result<_>>()?,
            is_there,
        })
    }

    /// Returns true if the program was found when this was made.
    pub fn is_there(&self) -> bool {
        self.is_there
    }

    /// Starts the program with these arguments, its own name first, with `extra` in its
    /// environment, and with `streams` as its standard input, output and error. The calling thread
    /// waits until the program runs.
    ///
    /// # Errors
    /// The system's error if no process can be made, or the program cannot be executed.
    pub fn launch(
        &self,
        arguments: &[CString],
        extra: &[CString],
        streams: [BorrowedFd<'_>; 3],
    ) -> io::Result<Launched> {
        let shell = c"/bin/sh".to_owned();
        // As in `execvp`: a file without a known format is a script of the shell.
        let script = [&shell, &shell].into_iter().chain(arguments.iter().skip(1));
        let is_replaced = |given: &&CString| {
            extra.iter().any(|extra| name(extra) == name(given)) && !extra.is_empty()
        };
        let inherited = self.environment.iter().filter(|given| !is_replaced(given));
        let (candidates, arguments) = (pointers(&self.candidates), pointers(arguments));
        let (mut script, environment) = (pointers(script), pointers(inherited.chain(extra)));
        let mut plan = ExecPlan {
            candidates: &candidates,
            arguments: &arguments,
            script: &mut script,
            environment: &environment,
            directory: self.directory.as_ptr(),
            streams: streams.map(|stream| stream.as_raw_fd()),
            parent: rustix::process::getpid().as_raw_nonzero().get(),
            error: 0,
        };
        let (process, handle) = clone(&mut plan)?;
        let group = Pid::from_raw(process).ok_or(io::ErrorKind::NotFound)?;
        if plan.error != 0 {
            let _ = waitpid(Some(group), WaitOptions::empty());
            return Err(io::Error::from_raw_os_error(plan.error));
        }
        Ok(Launched { group, handle })
    }
}

fn c_string(bytes: Vec<u8>) -> io::Result<CString> {
    CString::new(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

/// Returns the name of a variable.
fn name(variable: &CString) -> &[u8] {
    variable.as_bytes().split(|byte| *byte == b'=').next().unwrap_or_default()
}

/// Returns the list as the system takes it, with a null at its end.
fn pointers<'a>(texts: impl IntoIterator<Item = &'a CString>) -> Vec<*const c_char> {
    texts.into_iter().map(|c_string| c_string.as_ptr()).chain([ptr::null()]).collect()
}

/// Everything a child needs to execute its program. All lists end with a null.
struct ExecPlan<'a> {
    candidates: &'a [*const c_char],
    arguments: &'a [*const c_char],
    /// The shell's arguments, the second of which is the program.
    script: &'a mut [*const c_char],
    environment: &'a [*const c_char],
    directory: *const c_char,
    streams: [c_int; 3],
    parent: c_int,
    /// Written by the child if it could not execute the program.
    error: c_int,
}

/// More than the child's system calls and one signal frame need.
const STACK_BYTES: usize = 64 * 1024;

/// Returns the child's process ID and a handle of it, once it runs its program or has written its
/// error.
#[expect(
    unsafe_code,
    reason = "the child has its own stack, and memory that does not change while this thread waits for it; all \
              signals are blocked, so no handler of mesero runs in it; it makes system calls and nothing else"
)]
fn clone(plan: &mut ExecPlan<'_>) -> io::Result<(c_int, OwnedFd)> {
    let mut stack: Vec<u128> = Vec::with_capacity(STACK_BYTES / size_of::<u128>());
    let mut handle: c_int = -1;
    // SAFETY: see the reason above. The end of a vector of `u128` is aligned as a stack must be.
    let child = unsafe {
        let top = stack.as_mut_ptr().add(stack.capacity());
        let mut all = std::mem::zeroed();
        let mut before = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
        let plan = ptr::from_mut(plan).cast::<c_void>();
        let child = libc::clone(run_child, top.cast(), flags, plan, &raw mut handle);
        let error = io::Error::last_os_error();
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut());
        if child < 0 {
            return Err(error);
        }
        child
    };
    #[expect(unsafe_code, reason = "the system has just opened it for this process")]
    // SAFETY: see the reason above.
    let handle = unsafe { OwnedFd::from_raw_fd(handle) };
    Ok((child, handle))
}

#[expect(
    unsafe_code,
    reason = "`clone` passes a plan that no other code reads before this has ended"
)]
extern "C" fn run_child(plan: *mut c_void) -> c_int {
    // SAFETY: see the reason above.
    unsafe {
        let plan = &mut *plan.cast::<ExecPlan<'_>>();
        plan.error = become_program(plan);
        libc::_exit(127)
    }
}

/// Executes the program, or returns the number of the error.
///
/// # Safety
/// It runs in the child: it may not allocate, lock, panic or change anything that the parent reads.
#[expect(unsafe_code, reason = "system calls, on what the plan holds")]
unsafe fn become_program(plan: &mut ExecPlan<'_>) -> c_int {
    let error = || io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL);
    // SAFETY: see the reason above.
    unsafe {
        // No handler of mesero may run here once signals are unblocked, and a program expects to
        // end on a broken pipe.
        for signal in 1..32 {
            let mut action: libc::sigaction = std::mem::zeroed();
            let known = libc::sigaction(signal, ptr::null(), &raw mut action) == 0;
            let stays = [libc::SIG_DFL, libc::SIG_IGN].contains(&action.sa_sigaction);
            if known && (!stays || signal == libc::SIGPIPE) {
                libc::signal(signal, libc::SIG_DFL);
            }
        }
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
        if libc::setpgid(0, 0) < 0
            || libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) < 0
            || libc::chdir(plan.directory) < 0
        {
            return error();
        }
        // The parent may have exited before the signal was requested; then the signal never comes.
        if libc::getppid() != plan.parent {
            return libc::ESRCH;
        }
        for (stream, wanted) in plan.streams.into_iter().zip(0..) {
            if libc::dup2(stream, wanted) < 0 {
                return error();
            }
        }
        let mut denied = false;
        for candidate in plan.candidates.iter().take_while(|candidate| !candidate.is_null()) {
            libc::execve(*candidate, plan.arguments.as_ptr(), plan.environment.as_ptr());
            match error() {
                libc::ENOENT | libc::ENOTDIR => {}
                libc::EACCES => denied = true,
                libc::ENOEXEC => {
                    if let [shell, program, ..] = plan.script {
                        *program = *candidate;
                        libc::execve(*shell, plan.script.as_ptr(), plan.environment.as_ptr());
                    }
                    return error();
                }
                other => return other,
            }
        }
        if denied { libc::EACCES } else { libc::ENOENT }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::AsFd;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use rustix::pipe::{PipeFlags, pipe_with};

    use super::*;

    fn launcher(program: &str, directory: &Path) -> Launcher {
        let path = env::var_os("PATH").unwrap();
        let environment = [("PATH".into(), path), ("GREETING".into(), "hello".into())];
        Launcher::new(Path::new(program), directory, &environment).unwrap()
    }

    /// Runs the program; returns its output and its exit status.
    fn ran(launcher: &Launcher, arguments: &[&str], more: &[&str]) -> (String, ExitStatus) {
        let texts = |texts: &[&str]| -> Vec<CString> {
            texts.iter().map(|text| CString::new(*text).unwrap()).collect()
        };
        let nothing = File::open("/dev/null").unwrap();
        let (read, write) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let streams = [nothing.as_fd(), write.as_fd(), nothing.as_fd()];
        let launched = launcher.launch(&texts(arguments), &texts(more), streams).unwrap();
        drop(write);
        let mut printed = String::new();
        File::from(read).read_to_string(&mut printed).unwrap();
        let (_, status) = waitpid(Some(launched.group), WaitOptions::empty()).unwrap().unwrap();
        (printed, ExitStatus::from_raw(status.as_raw()))
    }

    #[test]
    fn a_program_is_found_in_its_path_and_leads_a_group_in_its_directory() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let script = r#"echo $GREETING $WHOM; pwd -P; set -- $(cat /proc/$$/stat); [ $1 = $5 ] && echo leads"#;
        let arguments = ["sh", "-c", script];
        let (printed, status) = ran(&launcher("sh", &folder), &arguments, &["WHOM=you"]);
        assert_eq!(printed, format!("hello you\n{}\nleads\n", folder.display()));
        assert!(status.success());
        let (printed, _) = ran(&launcher("sh", &folder), &arguments, &["GREETING=bye", "WHOM=you"]);
        assert!(printed.starts_with("bye you\n"), "{printed}");
    }

    #[test]
    fn a_file_of_no_known_format_is_a_script_of_the_shell_and_a_missing_file_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("greet");
        std::fs::write(&script, "echo $GREETING $1\n").unwrap();
        let start = |program: &str| {
            let nothing = File::open("/dev/null").unwrap();
            let streams = [nothing.as_fd(); 3];
            launcher(program, folder.path()).launch(&[c"it".to_owned()], &[], streams)
        };
        assert_eq!(start("./greet").unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(start("greet").unwrap_err().kind(), io::ErrorKind::NotFound);
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
        let (printed, _) = ran(&launcher("./greet", folder.path()), &["greet", "you"], &[]);
        assert_eq!(printed, "hello you\n");
    }

    #[test]
    fn a_program_receives_every_signal_also_those_that_this_process_ignores_or_blocks() {
        // Rust ignores a broken pipe, and a thread may block signals.
        for signal in ["PIPE", "TERM", "USR1"] {
            let script = format!("kill -{signal} $$; echo survived");
            let (printed, status) =
                ran(&launcher("sh", Path::new("/")), &["sh", "-c", &script], &[]);
            assert_eq!((&*printed, status.code()), ("", None), "{signal}");
            assert!(status.signal().is_some());
        }
    }
}
