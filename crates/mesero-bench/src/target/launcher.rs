//! Starts what is measured, for the time of its turn.

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

/// From asking processes to end to killing them; servers finish what they have in work.
const GRACE: Duration = Duration::from_secs(10);

/// For how long a port may still be taken by what was ended just now.
const PORT_RELEASE: Duration = Duration::from_secs(1);

/// How often is looked for something that is to happen soon.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Starts commands, of which nothing outlives this process, even if it is killed.
#[derive(Debug)]
pub(crate) struct TargetLauncher {
    spawner: Spawner,
    guardian: Arc<Guardian>,
    /// How long one may take until it answers.
    pub(crate) timeout: Duration,
}

/// A command that runs, with all that it has started in its process group.
#[derive(Debug)]
pub(crate) struct LaunchedTarget {
    name: String,
    process: ProcessGroup,
    guardian: Arc<Guardian>,
    timeout: Duration,
    /// Who reads what it prints, and gives back the end of it.
    output_tail: JoinSet<Tail>,
    reading_stopped: CancellationToken,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct ProcessEnd {
    status: Option<ExitStatus>,
    /// The last that it printed.
    output_tail: Option<String>,
}

impl TargetLauncher {
    /// # Errors
    /// If the system has no thread or no process left.
    pub(crate) fn new(timeout: Duration) -> io::Result<Self> {
        let guardian = Arc::new(Guardian::start(Arc::from("--start"), 1)?);
        Ok(Self { spawner: Spawner::start()?, guardian, timeout })
    }

    /// Starts a command line in a shell, for a target where nobody answers yet. It must not be
    /// dropped half way, and what it returns must be stopped.
    ///
    /// # Errors
    /// If somebody answers there, or nothing can be started.
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
        // Nothing is inherited, so there is nothing to keep.
        let _ = child::confine(&mut command, Vec::new());
        // One runs at a time, so one seat is enough.
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

    /// Lets go of what guards the processes; none runs any more.
    pub(crate) async fn stop(&self) {
        self.guardian.stop().await;
    }
}

impl LaunchedTarget {
    /// Waits until it answers, with anything but an error of its own.
    ///
    /// # Errors
    /// If it has ended, or has not answered in time.
    pub(crate) async fn wait_until_ready(
        &self,
        target: &Arc<Endpoint>,
    ) -> Result<(), LaunchFailure> {
        let until = Instant::now() + self.timeout;
        let mut client = HttpClients::new(Arc::clone(target)).next();
        let mut last_response = "it took a request and was silent".to_owned();
        let polling = async {
            loop {
                last_response = match client.send(until).await {
                    RequestOutcome::Answered(ResponseSummary { status, .. }) if status < 500 => {
                        return true;
                    }
                    RequestOutcome::Answered(ResponseSummary { status, .. }) => {
                        format!("it answered {status}")
                    }
                    RequestOutcome::Failed(fault) => {
                        format!("{}: {}", fault.kind.text(), fault.why)
                    }
                    // What came before says more.
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
            () = self.process.ended() => Err(LaunchFailure::Exited),
        }
    }

    /// The process group that it leads.
    pub(crate) fn group(&self) -> Pid {
        self.process.group
    }

    /// Whether it has ended by itself.
    pub(crate) async fn has_ended(&self) -> bool {
        timeout(Duration::ZERO, self.process.ended()).await.is_ok()
    }

    /// Ends it with all its group, first as a person does and then for certain. Returns when its
    /// first process is gone.
    pub(crate) async fn stop(mut self) -> ProcessEnd {
        self.process.signal(Signal::TERM);
        let exited = async {
            self.process.ended().await;
            // Nobody holds its outputs open any more.
            self.output_tail.join_next().await
        };
        let mut output_tail = timeout(GRACE, exited).await.ok().flatten();
        self.process.signal(Signal::KILL);
        self.process.ended().await;
        // The line is there already, so nothing can be wrong with it.
        let _ = self.guardian.forget(0);
        let status = self.process.reap().await.ok();
        if output_tail.is_none() {
            // Who has left the group may hold an output open for ever.
            self.reading_stopped.cancel();
            output_tail = self.output_tail.join_next().await;
        }
        ProcessEnd {
            status,
            output_tail: output_tail.and_then(Result::ok).and_then(|tail| tail.text()),
        }
    }

    /// Ends it because of this.
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

/// Why what is to be measured does not run. Reads on after "failed to".
#[derive(Debug)]
pub struct LaunchError {
    name: String,
    why: LaunchFailure,
}

#[derive(Debug)]
pub(crate) enum LaunchFailure {
    /// Somebody answers there already.
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
                "somebody listens at its URL already, and would be measured in its place; end \
                 that, or leave out its --start",
            ),
            LaunchFailure::Failed(failure) => failure.fmt(f),
            LaunchFailure::Exited => f.write_str("it ended before it answered"),
            LaunchFailure::ExitedWith(end) => write!(
                f,
                "it ended before it answered, {}; it has to stay in the foreground{}",
                end.status(),
                end.output_tail()
            ),
            LaunchFailure::NotReady { last_response, timeout } => {
                write!(
                    f,
                    "no answer within {}: {last_response}",
                    units::with_three_digits(*timeout)
                )
            }
            LaunchFailure::NotReadyWith { last_response, timeout, end } => write!(
                f,
                "no answer within {}, {last_response}; --start-timeout allows more{}",
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
            _ => "in an unknown way".to_owned(),
        }
    }

    /// The last that it printed, to follow a sentence.
    pub(crate) fn output_tail(&self) -> String {
        match &self.output_tail {
            Some(output_tail) => {
                let lines: Vec<_> = output_tail.lines().collect();
                // More would push the reason out of sight.
                let last_response = lines.iter().skip(lines.len().saturating_sub(10));
                let shown = last_response.map(|line| {
                    format!(
                        "\n  {}",
                        line.chars().flat_map(mesero_terminal::output::visible).collect::<String>()
                    )
                });
                format!("; the last it printed:{}", shown.collect::<String>())
            }
            None => "; it printed nothing".to_owned(),
        }
    }
}
