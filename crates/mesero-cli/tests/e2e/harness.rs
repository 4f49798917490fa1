//! A mesero that lives as long as the test.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, watch};
use tokio::time::{Instant, timeout};

use crate::client;
use crate::gate::{self, Gate};

/// Whatever a test waits for comes long before this; it only keeps a broken test from hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Tests that measure time have the machine for themselves.
static MACHINE: RwLock<()> = RwLock::const_new(());

pub(crate) async fn shared_machine() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().await
}

pub(crate) async fn quiet_machine() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().await
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

/// The repository's own example.
pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

/// An example's configuration, to be served on free ports.
pub(crate) fn on_free_ports(path: &str) -> String {
    let text = std::fs::read_to_string(example(path)).unwrap();
    let lines = text.lines().map(|line| match line.split_once(" = ") {
        Some((key @ ("listen" | "control"), _)) => format!("{key} = \"127.0.0.1:0\""),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The virtual environment of `make venv`; none where it could not be made, which is said loudly.
pub(crate) fn venv() -> Option<PathBuf> {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venv");
    let has = |name: &&str| venv.join("bin").join(name).exists();
    let found = ["flask", "django-admin", "gunicorn"].iter().all(has);
    if !found {
        skipped("no target/venv with Flask, Django and gunicorn; `make venv` makes it");
    }
    found.then(|| venv.canonicalize().unwrap())
}

/// Says that a test does not run, and why: at once, past what captures the output of tests that
/// pass, and in a file that `make check` shows at its end.
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
        // It is announced last.
        let control = address(&line(&mut log, CONTROL).await, CONTROL);
        let lines = log.borrow().clone();
        let fronts: Vec<_> = lines.iter().filter(|line| line.contains(FRONT)).collect();
        let fronts: Vec<_> = fronts.into_iter().map(|line| address(line, FRONT)).collect();
        Self { child, front: fronts[0], fronts, control, log, folder: None }
    }

    pub(crate) async fn get(&self, path: &str) -> client::Response {
        timeout(PATIENCE, client::get(self.front, path)).await.expect("an answer")
    }

    /// Writes one of the files beside the configuration anew.
    pub(crate) fn rewrite(&self, name: &str, text: &str) {
        let folder = self.folder.as_ref().expect("it has a folder of its own");
        std::fs::write(folder.path().join(name), text).unwrap();
    }

    /// Waits for so many lines of the log to contain `text`.
    pub(crate) async fn logged_times(&mut self, text: &str, count: usize) {
        let enough =
            |lines: &Vec<String>| lines.iter().filter(|line| line.contains(text)).count() >= count;
        let heard = timeout(PATIENCE, self.log.wait_for(enough)).await;
        assert!(matches!(heard, Ok(Ok(_))), "not {count} lines with `{text}`");
    }

    /// Waits for a line of the log that contains `text`.
    pub(crate) async fn logged(&mut self, text: &str) -> String {
        line(&mut self.log, text).await
    }

    /// What was logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.borrow().join("\n")
    }

    /// The jobs in flight, as the control plane lists them.
    pub(crate) async fn jobs(&self) -> Vec<Value> {
        let listed = client::get(self.control, "/jobs").await.json();
        listed["jobs"].as_array().unwrap().clone()
    }

    /// Asks for the jobs until they are as wanted.
    pub(crate) async fn until_jobs(&self, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let start = Instant::now();
        loop {
            let jobs = self.jobs().await;
            if wanted(&jobs) {
                return jobs;
            }
            assert!(start.elapsed() < PATIENCE, "the jobs become as wanted: {jobs:#?}");
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().expect("it runs")).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    pub(crate) async fn exit(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap()
    }
}

/// How many jobs are in this phase.
pub(crate) fn in_phase(jobs: &[Value], phase: &str) -> usize {
    jobs.iter().filter(|job| job["phase"] == phase).count()
}

/// A folder with these files.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// What stands before the addresses of a front, and of the control listener.
const FRONT: &str = "listening on http://";
const CONTROL: &str = "control on http://";

fn address(line: &str, before: &str) -> SocketAddr {
    let addresses = line.rsplit_once(before).unwrap().1;
    addresses.split(", http://").next().unwrap().parse().unwrap()
}

async fn line(log: &mut watch::Receiver<Vec<String>>, text: &str) -> String {
    let found = |lines: &Vec<String>| lines.iter().any(|line| line.contains(text));
    let heard = timeout(PATIENCE, log.wait_for(found)).await;
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
