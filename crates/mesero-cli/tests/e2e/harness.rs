//! A mesero that lives as long as the test.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::TcpSocket;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, MutexGuard, watch};
use tokio::time::timeout;

use crate::client;
use crate::gate::{self, Gate};

/// Bound of every wait in these tests: an event that takes longer never comes.
///
/// Generous, since it only keeps a broken test from hanging. No test measures anything by it.
pub(crate) const HANG_TIMEOUT: Duration = Duration::from_secs(180);

/// Pause between two looks at what announces itself in no other way.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Lock of the machine: tests that measure in real time, and run only on request, hold it.
static MACHINE: Mutex<()> = Mutex::const_new(());

pub(crate) async fn quiet_machine() -> MutexGuard<'static, ()> {
    MACHINE.lock().await
}

/// A running `mesero serve`.
pub(crate) struct Mesero {
    pub(crate) child: Child,
    /// The first of `fronts`.
    pub(crate) front: SocketAddr,
    pub(crate) fronts: Vec<SocketAddr>,
    pub(crate) control: SocketAddr,
    log: watch::Receiver<Vec<String>>,
    folder: Option<TempDir>,
}

pub(crate) fn program() -> &'static str {
    env!("CARGO_BIN_EXE_mesero")
}

/// Path of one of the repository's examples.
pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

/// Configuration of an example, with free ports.
pub(crate) fn on_free_ports(path: &str) -> String {
    let text = std::fs::read_to_string(example(path)).unwrap();
    let lines = text.lines().map(|line| match line.split_once(" = ") {
        Some((key @ ("listen" | "control"), _)) => format!("{key} = \"127.0.0.1:0\""),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Virtual environment of `make venv`; none, with a message, where it could not be made.
pub(crate) fn venv() -> Option<PathBuf> {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venv");
    let has = |name: &&str| venv.join("bin").join(name).exists();
    let found = ["flask", "django-admin", "gunicorn"].iter().all(has);
    if !found {
        skipped("no target/venv with Flask, Django and gunicorn; `make venv` makes it");
    }
    found.then(|| venv.canonicalize().unwrap())
}

/// Reports that a test does not run, and why: at once, though the output of tests that pass is
/// captured, and in a file that `make check` shows at its end.
pub(crate) fn skipped(why: &str) {
    let line = format!("SKIPPED: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    let list = Path::new(env!("CARGO_TARGET_TMPDIR")).join("skipped");
    let mut list = OpenOptions::new().create(true).append(true).open(list).unwrap();
    list.write_all(line.as_bytes()).unwrap();
}

impl Mesero {
    /// Serves a configuration and the files beside it.
    pub(crate) async fn serve(config: &str, files: &[(&str, &str)]) -> Self {
        let folder = folder(files);
        let path = folder.path().join("mesero.toml");
        std::fs::write(&path, config).unwrap();
        let mut command = Command::new(program());
        command.arg("serve").arg(&path);
        Self::start_in(folder, command).await
    }

    /// Serves the files of a folder whose names are given, together.
    pub(crate) async fn serve_together(folder: TempDir, names: &[&str]) -> Self {
        let mut command = Command::new(program());
        command.arg("serve").args(names.iter().map(|name| folder.path().join(name)));
        Self::start_in(folder, command).await
    }

    /// Runs a command that serves what is in a folder.
    pub(crate) async fn start_in(folder: TempDir, command: Command) -> Self {
        Self { folder: Some(folder), ..Self::start(command).await }
    }

    /// Serves a function of [`gate::MODULE`] whose calls wait at the gate.
    pub(crate) async fn gated(gate: &Gate, function: &str, settings: &str) -> Self {
        let (resource, policy) = settings.split_once('/').unwrap_or((settings, ""));
        let port = gate.port();
        let config = format!(
            r#"
            [server]
            listen = "127.0.0.1:0"
            control = "127.0.0.1:0"
            [resource.square]
            python = "gated:{function}"
            env = {{ GATE = "{port}" }}
            {resource}
            [resource.square.policy]
            {policy}
            [[route]]
            path = "/square"
            resource = "square"
            args = {{ num = "query:float" }}
            reply = "text"
            [[route]]
            path = "/list"
            list = "square.num"
            "#
        );
        Self::serve(&config, &[("gated.py", gate::MODULE)]).await
    }

    /// Runs a command that serves, and waits until it does.
    pub(crate) async fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        let mut log = collect(child.stderr.take().unwrap());
        // Its line is the last.
        let control = address(&line(&mut log, CONTROL).await, CONTROL);
        let lines = log.borrow().clone();
        let fronts: Vec<_> = lines.iter().filter(|line| line.contains(FRONT)).collect();
        let fronts: Vec<_> = fronts.into_iter().map(|line| address(line, FRONT)).collect();
        Self { child, front: fronts[0], fronts, control, log, folder: None }
    }

    pub(crate) async fn get(&self, path: &str) -> client::Response {
        timeout(HANG_TIMEOUT, client::get(self.front, path)).await.expect("an answer")
    }

    /// Replaces one of the files beside the configuration.
    pub(crate) fn rewrite(&self, name: &str, text: &str) {
        let folder = self.folder.as_ref().expect("it has a folder of its own");
        std::fs::write(folder.path().join(name), text).unwrap();
    }

    /// Waits until so many lines of the log contain `text`.
    pub(crate) async fn logged_times(&mut self, text: &str, count: usize) {
        let enough =
            |lines: &Vec<String>| lines.iter().filter(|line| line.contains(text)).count() >= count;
        let heard = timeout(HANG_TIMEOUT, self.log.wait_for(enough)).await;
        assert!(matches!(heard, Ok(Ok(_))), "not {count} lines with `{text}`");
    }

    /// Waits for a line of the log that contains `text`.
    pub(crate) async fn logged(&mut self, text: &str) -> String {
        line(&mut self.log, text).await
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        self.log.borrow().join("\n")
    }

    /// The jobs in flight, as the control plane lists them.
    pub(crate) async fn jobs(&self) -> Vec<Value> {
        let listed = client::get(self.control, "/jobs").await.json();
        listed["jobs"].as_array().unwrap().clone()
    }

    /// Lists the jobs until they are as wanted.
    pub(crate) async fn until_jobs(&self, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let mut last = Vec::new();
        let polling = poll_until(async || {
            last = self.jobs().await;
            wanted(&last)
        });
        if timeout(HANG_TIMEOUT, polling).await.is_err() {
            panic!("the jobs did not become as wanted: {last:#?}");
        }
        last
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self::signal(&self.child, signal);
    }

    pub(crate) async fn exit(&mut self) -> ExitStatus {
        timeout(HANG_TIMEOUT, self.child.wait()).await.expect("it ends").unwrap()
    }
}

/// Polls until a condition holds.
pub(crate) async fn until(holds: impl AsyncFnMut() -> bool) {
    timeout(HANG_TIMEOUT, poll_until(holds)).await.expect("the condition holds");
}

async fn poll_until(mut holds: impl AsyncFnMut() -> bool) {
    while !holds().await {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Process of another program, from an instant at which it ran: a later process with the same
/// number is never mistaken for it.
#[derive(Debug)]
pub(crate) struct Process {
    /// None if it had ended already.
    descriptor: Option<OwnedFd>,
}

impl Process {
    pub(crate) fn of(pid: u32) -> Self {
        match pidfd_open(process_id(pid), PidfdFlags::empty()) {
            Ok(descriptor) => Self { descriptor: Some(descriptor) },
            Err(Errno::SRCH) => Self { descriptor: None },
            Err(error) => panic!("the process {pid} cannot be watched: {error}"),
        }
    }

    /// Waits until it has ended; its parent may still have to collect its exit status.
    pub(crate) async fn ended(&self) {
        let Some(descriptor) = &self.descriptor else { return };
        until(async || {
            let mut polled = [PollFd::new(descriptor, PollFlags::IN)];
            poll(&mut polled, Some(&Timespec::default())).unwrap() == 1
        })
        .await;
    }
}

pub(crate) fn process_id(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

/// Sends a signal to a child that runs.
pub(crate) fn signal(child: &Child, signal: Signal) {
    kill_process(process_id(child.id().expect("the child runs")), signal).unwrap();
}

/// Waits for a child to end; returns what it has printed.
pub(crate) async fn output_of(child: Child) -> Output {
    timeout(HANG_TIMEOUT, child.wait_with_output()).await.expect("the child ends").unwrap()
}

/// A port of the loopback addresses on which nothing listens, and which no other program gets.
///
/// A program that sets `SO_REUSEADDR`, as servers do, may listen on it.
pub(crate) struct ReservedPort {
    v4: TcpSocket,
    _v6: Option<TcpSocket>,
}

impl ReservedPort {
    pub(crate) fn new() -> Self {
        loop {
            let v4 = TcpSocket::new_v4().unwrap();
            v4.set_reuseaddr(true).unwrap();
            v4.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
            let port = v4.local_addr().unwrap().port();
            // Where there is no IPv6, no program can listen there either.
            let Ok(v6) = TcpSocket::new_v6() else { return Self { v4, _v6: None } };
            v6.set_reuseaddr(true).unwrap();
            match v6.bind((Ipv6Addr::LOCALHOST, port).into()) {
                Ok(()) => return Self { v4, _v6: Some(v6) },
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(_) => return Self { v4, _v6: None },
            }
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.v4.local_addr().unwrap()
    }
}

/// Number of jobs in this phase.
pub(crate) fn in_phase(jobs: &[Value], phase: &str) -> usize {
    jobs.iter().filter(|job| job["phase"] == phase).count()
}

/// Makes a folder with these files.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Texts before the addresses of a front, and of the control listener.
const FRONT: &str = "listening on http://";
const CONTROL: &str = "control on http://";

fn address(line: &str, before: &str) -> SocketAddr {
    let addresses = line.rsplit_once(before).unwrap().1;
    addresses.split(", http://").next().unwrap().parse().unwrap()
}

async fn line(log: &mut watch::Receiver<Vec<String>>, text: &str) -> String {
    let found = |lines: &Vec<String>| lines.iter().any(|line| line.contains(text));
    let heard = timeout(HANG_TIMEOUT, log.wait_for(found)).await;
    if let Ok(Ok(lines)) = heard {
        return lines.iter().find(|line| line.contains(text)).unwrap().clone();
    }
    drop(heard);
    panic!("no line with `{text}` in:\n{}", log.borrow().join("\n"));
}

pub(crate) fn collect(
    stream: impl AsyncRead + Unpin + Send + 'static,
) -> watch::Receiver<Vec<String>> {
    let (write, read) = watch::channel(Vec::new());
    #[expect(clippy::disallowed_methods, reason = "it ends with the stream")]
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            write.send_modify(|log| log.push(line));
        }
    });
    read
}
