//! Database servers of a test, from the distribution's packages; they end with the test.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;

use crate::harness::{HANG_TIMEOUT, ReservedPort, collect, skipped};

mod client;
mod kind;

pub(crate) use client::Client;
pub(crate) use kind::Kind;

/// Superuser of every server, which needs the password over TCP.
pub(crate) const USER: &str = "mesero";
pub(crate) const PASSWORD: &str = "p@ss: w/rd";
/// Database that exists from the beginning.
pub(crate) const DATABASE: &str = "shop";

/// A server with a data directory, a socket and a port of its own.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    program: PathBuf,
    /// Further arguments.
    pub(crate) settings: Vec<String>,
    pub(crate) folder: TempDir,
    /// Kept while the server is stopped.
    port: ReservedPort,
    running: Option<(Child, watch::Receiver<Vec<String>>)>,
}

impl Server {
    /// Starts a server with further settings; none, with a message, where it is not installed.
    pub(crate) async fn start(kind: Kind, settings: &[&str]) -> Option<Self> {
        let Some(program) = kind.program() else {
            skipped(&format!("{kind:?} is not installed; `make databases` installs it"));
            return None;
        };
        let folder = TempDir::new().unwrap();
        let template = template(kind, &program).await;
        done(Command::new("cp").arg("-a").arg(template).arg(folder.path().join("data"))).await;
        give_away(folder.path()).await;
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let port = ReservedPort::new();
        let mut server = Self { kind, program, settings, folder, port, running: None };
        assert!(server.start_again().await, "{kind:?} does not start");
        Some(server)
    }

    /// Starts it again with its folder `small` on a disk of this size, which ends with the server;
    /// false, with a message, where that is not allowed.
    pub(crate) async fn start_again_with_small_disk(&mut self, megabytes: usize) -> bool {
        let small = self.folder.path().join("small");
        std::fs::create_dir_all(&small).unwrap();
        give_away(&small).await;
        let mount =
            format!("mount -t tmpfs -o size={megabytes}m,uid=65534 small {}", small.display());
        let may = Command::new("unshare").args(["-m", "sh", "-c", &mount]).output().await;
        if !may.is_ok_and(|output| output.status.success()) {
            skipped("no disk of its own may be mounted for a server");
            return false;
        }
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", &format!("{mount} && exec \"$0\" \"$@\"")]);
        let server = unprivileged(self.kind.death(), &self.program);
        command.arg(server.as_std().get_program()).args(server.as_std().get_args());
        self.run(command).await
    }

    /// Starts it again with a certificate and its key, so that it speaks TLS.
    pub(crate) async fn start_again_with_certificate(&mut self, [certificate, key]: [String; 2]) {
        let folder = self.folder.path();
        for (name, text) in [("certificate.pem", certificate), ("key.pem", key)] {
            std::fs::write(folder.join(name), text).unwrap();
            // PostgreSQL uses no key that others can read.
            done(Command::new("chmod").arg("600").arg(folder.join(name))).await;
        }
        give_away(folder).await;
        self.settings = self.kind.tls(folder);
        assert!(self.start_again().await);
    }

    /// Starts it on its port; returns whether clients may connect.
    pub(crate) async fn start_again(&mut self) -> bool {
        self.run(unprivileged(self.kind.death(), &self.program)).await
    }

    async fn run(&mut self, mut command: Command) -> bool {
        command.args(self.kind.arguments(self.folder.path(), self.port())).args(&self.settings);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut log = collect(child.stderr.take().unwrap());
        let ready = |lines: &Vec<String>| lines.iter().any(|line| line.contains(self.kind.ready()));
        let heard = timeout(HANG_TIMEOUT, log.wait_for(ready)).await;
        let is_ready = heard.expect("it starts or ends").is_ok();
        self.running = Some((child, log));
        is_ready
    }

    /// Ends it in good order, as an operator does, even while clients are connected.
    pub(crate) async fn stop(&mut self) {
        self.end(self.kind.end()).await;
    }

    /// Ends it like a power failure.
    pub(crate) async fn crash(&mut self) {
        self.end(self.kind.crash()).await;
    }

    async fn end(&mut self, signal: Signal) {
        let (mut child, _) = self.running.take().expect("it runs");
        send(&child, signal);
        timeout(HANG_TIMEOUT, child.wait()).await.expect("it ends").unwrap();
    }

    /// Its log since it was started.
    pub(crate) fn log(&self) -> String {
        self.running.as_ref().expect("it runs").1.borrow().join("\n")
    }

    fn port(&self) -> u16 {
        self.port.address().port()
    }

    /// URL over TCP, which takes the password.
    pub(crate) fn url(&self) -> String {
        let scheme = self.kind.scheme();
        format!("{scheme}://{USER}@127.0.0.1:{}/{DATABASE}", self.port())
    }

    /// URL of its socket.
    pub(crate) fn socket_url(&self) -> String {
        self.kind.socket_url(self.folder.path(), self.port())
    }

    /// Opens a session through the socket.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.kind, &self.socket_url()).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((child, _)) = &self.running {
            // Its data is about to be deleted.
            send(child, self.kind.crash());
        }
    }
}

/// The data directory of a new installation, made once and copied for every server.
async fn template(kind: Kind, program: &Path) -> PathBuf {
    static MAKING: Mutex<()> = Mutex::const_new(());
    let _making = MAKING.lock().await;
    // Another version would not read it.
    let version = done(Command::new(program).arg("--version")).await;
    let name: String = version.chars().filter(char::is_ascii_alphanumeric).collect();
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{kind:?}-{name}"));
    if !place.exists() {
        let folder = TempDir::new().unwrap();
        give_away(folder.path()).await;
        let data = folder.path().join("data");
        kind.install(program, folder.path()).await;
        // A rename is whole or not at all; another process may have been faster.
        let beside = place.with_extension(std::process::id().to_string());
        done(Command::new("cp").arg("-a").arg(data).arg(&beside)).await;
        if std::fs::rename(&beside, &place).is_err() {
            std::fs::remove_dir_all(&beside).unwrap();
        }
    }
    place
}

/// User for servers where the tests run as root, which servers refuse.
const NOBODY: [&str; 3] = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"];

fn unprivileged(death: &str, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", death]);
    if rustix::process::geteuid().is_root() {
        command.args(NOBODY);
    }
    command.arg(program).kill_on_drop(true).env_remove("LC_ALL").env("LC_MESSAGES", "C");
    command
}

/// Gives a folder to the user of [`unprivileged`] programs.
async fn give_away(folder: &Path) {
    if rustix::process::geteuid().is_root() {
        done(Command::new("chown").args(["-R", "nobody:nogroup"]).arg(folder)).await;
    }
}

/// Runs to the end, which must be a success; returns what was printed.
async fn done(command: &mut Command) -> String {
    let output = timeout(HANG_TIMEOUT, command.output()).await.expect("it ends").unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn send(child: &Child, signal: Signal) {
    if let Some(pid) = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
        kill_process(pid, signal).unwrap();
    }
}
