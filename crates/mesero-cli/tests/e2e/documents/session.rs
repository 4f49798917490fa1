//! A copy of the examples on free ports, with shells in which commands of a page run as typed.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::client;
use crate::harness::{
    self, HANG_TIMEOUT, ReservedPort, collect, example, output_of, program, until,
};

/// The ports of the documentation. Each becomes a free one, in commands, files and outputs.
const PORTS: [u16; 10] = [8000, 8001, 8003, 8004, 8080, 8081, 8082, 8888, 9880, 9888];

/// Printed between the outputs of two commands.
const MARK: char = '\u{1}';

/// The four callers of `examples/square`, which wait until [`Session::hold`] ends.
const CALLERS: &str = "python3 examples/square/four_callers.py";

/// The root of the repository as the commands of a page see it: `examples`, and `target/venv`.
pub(super) struct Session {
    root: TempDir,
    ports: Vec<(u16, ReservedPort)>,
    servers: Vec<Server>,
    /// The folder in which the last block ended.
    folder: PathBuf,
}

struct Server {
    log: watch::Receiver<Vec<String>>,
    _child: Child,
}

impl Session {
    pub(super) fn open(venv: Option<&Path>) -> Self {
        let ports = PORTS.map(|port| (port, ReservedPort::new())).into();
        let root = harness::folder(&[]);
        let folder = root.path().to_owned();
        let session = Self { root, ports, servers: Vec::new(), folder };
        session.copy(&example(""), "examples");
        // As on a terminal, where curl shows no progress of small answers.
        session.write(".curlrc", "silent\n");
        if let Some(venv) = venv {
            fs::create_dir(session.path("target")).unwrap();
            std::os::unix::fs::symlink(venv, session.path("target/venv")).unwrap();
        }
        session
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Writes a file beside the examples.
    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), self.on_free_ports(text)).unwrap();
    }

    /// Goes to a folder, for the blocks that follow.
    pub(super) fn go_to(&mut self, folder: &str) {
        self.folder = self.path(folder);
    }

    /// Copies a folder of the repository, with ports that are free.
    fn copy(&self, from: &Path, to: &str) {
        fs::create_dir(self.path(to)).unwrap();
        for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
            let name = format!("{to}/{}", entry.file_name().unwrap().to_str().unwrap());
            if entry.is_dir() {
                self.copy(&entry, &name);
            } else if let Ok(text) = fs::read_to_string(&entry) {
                fs::write(self.path(&name), self.on_free_ports(&text)).unwrap();
                let permissions = fs::metadata(&entry).unwrap().permissions();
                fs::set_permissions(self.path(&name), permissions).unwrap();
            }
        }
        // Callers of the slow function are answered at once, or wait as long as a test wants.
        let backend = self.path("examples/square/async_service/sync_backend.py");
        if to == "examples/square/async_service" {
            let text = fs::read_to_string(&backend).unwrap();
            assert!(text.contains("    time.sleep(1)\n"), "{text}");
            let wait = format!(
                "    import os\n    while os.path.exists({:?}): time.sleep(0.01)\n",
                self.path("hold")
            );
            fs::write(backend, text.replace("    time.sleep(1)\n", &wait)).unwrap();
        }
    }

    fn on_free_ports(&self, text: &str) -> String {
        let free = |port: u16| self.ports.iter().find(|(documented, _)| *documented == port);
        with_ports(text, |port| free(port).map(|(_, free)| free.address().port()))
    }

    fn on_documented_ports(&self, text: &str) -> String {
        let of = |port: u16| self.ports.iter().find(|(_, free)| free.address().port() == port);
        with_ports(text, |port| of(port).map(|(documented, _)| *documented))
    }

    /// A shell that runs a script, with this mesero as `mesero`.
    fn shell(&self, script: &str) -> Command {
        let programs = Path::new(program()).parent().unwrap().as_os_str();
        let mut path = OsString::from(programs);
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let mut shell = Command::new("bash");
        shell.args(["-c", &self.on_free_ports(script)]).current_dir(&self.folder);
        shell.env("PATH", path).env("NO_COLOR", "1").env("NO_PROXY", "*");
        shell.env("CURL_HOME", self.root.path());
        shell.env("MESERO_CONTROL", self.on_free_ports("http://127.0.0.1:9888"));
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        shell.kill_on_drop(true);
        shell
    }

    /// Runs commands in one shell; returns the lines that each prints.
    pub(super) async fn run(&mut self, commands: &[&str]) -> Vec<Vec<String>> {
        let mut script = "exec 2>&1\n".to_owned();
        for command in commands {
            script.push_str(command);
            // The exit code stays what `$?` means next.
            script.push_str(&format!("\ncode=$?; printf '\\n{MARK}\\n'; (exit $code)\n"));
        }
        script.push_str("pwd");
        let child = self.shell(&script).spawn().unwrap();
        let printed = String::from_utf8(output_of(child).await.stdout).unwrap();
        let printed = self.on_documented_ports(&printed);
        let mut parts: Vec<_> = printed.split(MARK).collect();
        let folder = parts.pop().unwrap().trim();
        assert_eq!(parts.len(), commands.len(), "{commands:?} {printed}");
        self.folder = folder.into();
        let lines = |part: &str| part.trim_matches('\n').lines().map(str::to_owned).collect();
        parts.into_iter().map(lines).collect()
    }

    /// Starts a server, and waits until it serves.
    pub(super) async fn serve(&mut self, command: &str) {
        let (command, is_ready) = match command.strip_prefix("cargo run -p mesero-cli --example ") {
            Some(name) => {
                let program = Path::new(program()).with_file_name("examples").join(name);
                let environment = "RATES_URL=http://127.0.0.1:8000/rates exec";
                let command = format!("{environment} {} 127.0.0.1:8082", program.display());
                (command, "listening on http://")
            }
            // As on a terminal.
            None if command.starts_with("mesero") => {
                (format!("exec {command} --log-format text"), "listening on http://")
            }
            None => (format!("exec {command} 1>&2"), "listening on "),
        };
        let mut child = self.shell(&command).spawn().unwrap();
        let mut log = collect(child.stderr.take().unwrap());
        let files = command.split(".toml").count().saturating_sub(1).max(1);
        let serves = |lines: &Vec<String>| {
            lines.iter().filter(|line| line.contains(is_ready)).count() >= files
        };
        let heard = timeout(HANG_TIMEOUT, log.wait_for(serves)).await;
        let serves = matches!(heard, Ok(Ok(_)));
        drop(heard);
        assert!(serves, "{command}:\n{}", log.borrow().join("\n"));
        self.servers.push(Server { log, _child: child });
    }

    /// The log of all servers.
    pub(super) fn log(&self) -> String {
        self.servers.iter().map(|server| server.log.borrow().join("\n")).collect()
    }

    /// Runs a command while the four callers of `examples/square` wait for their answers.
    pub(super) async fn run_during_calls(&mut self, command: &str) -> Vec<String> {
        fs::write(self.path("hold"), "").unwrap();
        let callers = self.shell(CALLERS).current_dir(self.root.path()).spawn().unwrap();
        self.until_in_flight(9888, 4).await;
        let printed = self.run(&[command]).await.remove(0);
        fs::remove_file(self.path("hold")).unwrap();
        assert!(output_of(callers).await.status.success());
        printed
    }

    /// Interrupts a command when so many calls of the server with this control port are in flight.
    pub(super) async fn interrupt(&self, command: &str, control: u16, calls: usize) -> Vec<String> {
        let child = self.shell(&format!("exec {command}")).spawn().unwrap();
        self.until_in_flight(control, calls).await;
        harness::signal(&child, Signal::INT);
        let printed = String::from_utf8(output_of(child).await.stderr).unwrap();
        printed.lines().map(str::to_owned).collect()
    }

    async fn until_in_flight(&self, control: u16, calls: usize) {
        let (_, control) = self.ports.iter().find(|(port, _)| *port == control).unwrap();
        until(async || {
            let listed = client::get(control.address(), "/jobs").await.json();
            let jobs = listed["jobs"].as_array().unwrap();
            harness::in_phase(jobs, "running") == calls
        })
        .await;
    }
}

/// A text in which numbers are other ones.
fn with_ports(text: &str, other: impl Fn(u16) -> Option<u16>) -> String {
    let is_digit = |c: char| c.is_ascii_digit();
    let mut replaced = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_digit) {
        let (before, number) = rest.split_at(start);
        let end = number.find(|c| !is_digit(c)).unwrap_or(number.len());
        let (number, after) = number.split_at(end);
        replaced.push_str(before);
        match number.parse().ok().and_then(&other) {
            Some(port) => replaced.push_str(&port.to_string()),
            None => replaced.push_str(number),
        }
        rest = after;
    }
    replaced + rest
}

#[test]
fn only_whole_numbers_are_ports() {
    let text = "localhost:8000/8000x, 18000 and 8001";
    let other = |port| (port == 8000).then_some(18_001);
    assert_eq!(with_ports(text, other), "localhost:18001/18001x, 18000 and 8001");
}
