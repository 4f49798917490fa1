//! Launches a target's server for a trial, and stops it after it.

use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use mesero::Failure;
use mesero_process::child;
use mesero_process::group::{ProcessGroup, Streams};
use mesero_process::guardian::Guardian;
use mesero_process::spawner::Spawner;
use mesero_process::tail::Tail;
use mesero_terminal::units;
use rustix::process::{Pid, Signal};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::client::HttpClients;
use crate::client::endpoint::Endpoint;
use crate::stats::outcome::{RequestOutcome, ResponseSummary};

pub(crate) mod process_usage;

/// Time between SIGTERM and SIGKILL, in which servers finish their requests.
const GRACE: Duration = Duration::from_secs(10);

/// Time in which the port of a stopped server becomes free.
const PORT_RELEASE: Duration = Duration::from_secs(1);

/// Interval between two attempts.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Launches commands. None of their processes outlives mesero, even if it is killed.
#[derive(Debug)]
pub(crate) struct TargetLauncher {
    spawner: Spawner,
    guardian: Arc<Guardian>,
    /// Time until the server must respond.
    pub(crate) timeout: Duration,
}

/// A running command, with its process group.
#[derive(Debug)]
pub(crate) struct LaunchedTarget {
    name: String,
    process: ProcessGroup,
    guardian: Arc<Guardian>,
    timeout: Duration,
    /// The task that reads the command's output and returns the end of it.
    output_tail: JoinSet<Tail>,
    reading_stopped: CancellationToken,
}

/// The exit of a command.
#[derive(Debug)]
pub(crate) struct ProcessEnd {
    status: Option<ExitStatus>,
    /// The end of its output.
    output_tail: Option<String>,
}

impl TargetLauncher {
    /// Starts the helper processes.
    ///
    /// # Errors
    /// If the system has no thread or process left.
    pub(crate) fn new(timeout: Duration) -> io::Result<Self> {
        let guardian = Arc::new(Guardian::start(Arc::from("--start"), 1)?);
        Ok(Self { spawner: Spawner::start()?, guardian, timeout })
    }

    /// Starts a command line in a shell, for a URL on which no server listens yet. It must not be dropped before it
    /// returns, and the returned target must be stopped; the guardian kills what is left when mesero exits.
    ///
    /// # Errors
    /// If a server listens there already, or the command cannot be started.
    pub(crate) async fn start(
        &self,
        name: &str,
        line: &str,
        target: &Endpoint,
    ) -> Result<LaunchedTarget, LaunchError> {
        let failed = |why| LaunchError { name: name.to_owned(), why };
        let released = timeout(PORT_RELEASE, async {
            while target.connect_tcp().await.is_ok() {
                sleep(POLL_INTERVAL).await;
            }
        });
        released.await.map_err(|_| failed(LaunchFailure::AlreadyListening))?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", line]);
        // Nothing is inherited, so nothing is returned.
        let _ = child::confine(&mut command, Vec::new());
        // One command runs at a time, so one seat is enough.
        let started = ProcessGroup::start(command, &self.spawner, &self.guardian, 0).await;
        let (process, streams) =
            started.map_err(|failure| failed(LaunchFailure::Failed(failure)))?;
        let Streams { stdout, stderr } = streams;
        let (mut output_tail, reading_stopped) = (JoinSet::new(), CancellationToken::new());
        let stopped = reading_stopped.clone();
        output_tail.spawn(async move {
            let mut tail = Tail::default();
            tail.read_both(stdout, stderr, &stopped).await;
            tail
        });
        Ok(LaunchedTarget {
            name: name.to_owned(),
            process,
            guardian: Arc::clone(&self.guardian),
            timeout: self.timeout,
            output_tail,
            reading_stopped,
        })
    }

    /// Stops the guardian; no command runs any longer.
    pub(crate) async fn stop(&self) {
        self.guardian.stop().await;
    }
}

impl LaunchedTarget {
    /// Waits until the server responds with another status than 5xx. Dropped, it closes its connection.
    ///
    /// # Errors
    /// If the command has exited, or the server has not responded in time.
    pub(crate) async fn wait_until_ready(
        &self,
        target: &Arc<Endpoint>,
    ) -> Result<(), LaunchFailure> {
        let until = Instant::now() + self.timeout;
        let mut client = HttpClients::new(Arc::clone(target)).next();
        let mut last_response = "it accepted a request and did not respond".to_owned();
        let polling = async {
            loop {
                last_response = match client.send(until).await {
                    RequestOutcome::Answered(ResponseSummary { status, .. }) if status < 500 => {
                        return true;
                    }
                    RequestOutcome::Answered(ResponseSummary { status, .. }) => {
                        format!("it responded with {status}")
                    }
                    RequestOutcome::Failed(fault) => {
                        format!("{}: {}", fault.kind.text(), fault.why)
                    }
                    // The last response says more.
                    RequestOutcome::ClientTimeout | RequestOutcome::Unsent => last_response.clone(),
                };
                if Instant::now() >= until {
                    return false;
                }
                sleep(POLL_INTERVAL).await;
            }
        };
        tokio::select! {
            is_ready = polling => if is_ready { Ok(()) } else { Err(LaunchFailure::NotReady { last_response, timeout: self.timeout }) },
            () = self.process.leader().ended() => Err(LaunchFailure::Exited),
        }
    }

    /// The process group of the command.
    pub(crate) fn group(&self) -> Pid {
        self.process.leader().group()
    }

    /// Whether the command has exited by itself.
    pub(crate) async fn has_ended(&self) -> bool {
        timeout(Duration::ZERO, self.process.leader().ended()).await.is_ok()
    }

    /// Stops the process group with SIGTERM, and after the grace period with SIGKILL. Returns when its first process
    /// has exited; it must not be dropped before.
    pub(crate) async fn stop(mut self) -> ProcessEnd {
        self.process.leader().signal(Signal::TERM);
        let exited = async {
            self.process.leader().ended().await;
            // All outputs are closed.
            self.output_tail.join_next().await
        };
        let mut output_tail = timeout(GRACE, exited).await.ok().flatten();
        self.process.leader().signal(Signal::KILL);
        self.process.leader().ended().await;
        // The entry exists, so this cannot fail.
        let _ = self.guardian.forget(0);
        let status = self.process.reap().await.ok();
        if output_tail.is_none() {
            // A process that left the group may hold an output open forever.
            self.reading_stopped.cancel();
            output_tail = self.output_tail.join_next().await;
        }
        ProcessEnd {
            status,
            output_tail: output_tail.and_then(Result::ok).and_then(|tail| tail.text()),
        }
    }

    /// Stops the command because of this failure. It must not be dropped before it returns.
    pub(crate) async fn stop_for(self, why: LaunchFailure) -> LaunchError {
        let name = self.name.clone();
        let end = self.stop().await;
        let why = match why {
            LaunchFailure::Exited => LaunchFailure::ExitedWith(end),
            LaunchFailure::NotReady { last_response, timeout } => {
                LaunchFailure::NotReadyWith { last_response, timeout, end }
            }
            why => why,
        };
        LaunchError { name, why }
    }
}

/// A target that could not be launched. Continues "failed to".
#[derive(Debug)]
pub struct LaunchError {
    name: String,
    why: LaunchFailure,
}

#[derive(Debug)]
pub(crate) enum LaunchFailure {
    /// A server listens there already.
    AlreadyListening,
    Failed(Failure),
    Exited,
    ExitedWith(ProcessEnd),
    NotReady {
        last_response: String,
        timeout: Duration,
    },
    NotReadyWith {
        last_response: String,
        timeout: Duration,
        end: ProcessEnd,
    },
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "start {}: ", self.name)?;
        match &self.why {
            LaunchFailure::AlreadyListening => f.write_str(
                "a server already listens at its URL, and would be measured instead; stop it, or leave out \
                 this --start",
            ),
            LaunchFailure::Failed(failure) => failure.fmt(f),
            LaunchFailure::Exited => f.write_str("it exited before it responded"),
            LaunchFailure::ExitedWith(end) => write!(
                f,
                "it exited before it responded, {}; it must stay in the foreground{}",
                end.status(),
                end.output_tail()
            ),
            LaunchFailure::NotReady { last_response, timeout } => {
                write!(
                    f,
                    "no response within {}: {last_response}",
                    units::with_three_digits(*timeout)
                )
            }
            LaunchFailure::NotReadyWith { last_response, timeout, end } => write!(
                f,
                "no response within {}: {last_response}; --start-timeout allows more{}",
                units::with_three_digits(*timeout),
                end.output_tail()
            ),
        }
    }
}

impl ProcessEnd {
    /// `with exit code 1`.
    pub(crate) fn status(&self) -> String {
        match self.status.map(|status| (status.code(), status.signal())) {
            Some((Some(code), _)) => format!("with exit code {code}"),
            Some((_, Some(signal))) => format!("by signal {signal}"),
            _ => "with an unknown status".to_owned(),
        }
    }

    /// The end of the output, after a sentence.
    pub(crate) fn output_tail(&self) -> String {
        match &self.output_tail {
            Some(output_tail) => {
                let lines: Vec<_> = output_tail.lines().collect();
                // More would push the reason off the screen.
                let last_response = lines.iter().skip(lines.len().saturating_sub(10));
                let shown = last_response.map(|line| {
                    format!(
                        "\n  {}",
                        line.chars().flat_map(mesero_terminal::output::visible).collect::<String>()
                    )
                });
                format!("; its last output:{}", shown.collect::<String>())
            }
            None => "; it had no output".to_owned(),
        }
    }
}
