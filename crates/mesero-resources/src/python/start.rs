//! Start of a worker, until it can serve or has failed with a clear reason.

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream as StdStream;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mesero_process::frame::{Frame, TooLong, from_worker, to_worker};
use mesero_process::spawner::Spawner;
use mesero_process::{child, output_log};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::answer::Raised;
use super::package;
use super::process::WorkerProcess;
use super::worker::{Hello, Worker};
use super::worker_spec::{Serves, WorkerSpec};

/// Starts one worker, and waits until it can serve. Dropping the future kills it.
///
/// # Errors
/// If the interpreter is missing, the callable cannot be imported, or the worker is not ready in
/// time.
pub(super) async fn worker(
    spec: Arc<WorkerSpec>,
    spawner: Spawner,
) -> Result<WorkerProcess, StartError> {
    let settings = &spec.settings;
    let (control, control_theirs) = StdStream::pair()?;
    let (source, source_theirs) = StdStream::pair()?;
    let seats: Vec<_> =
        (0..settings.threads.get()).map(|_| StdStream::pair()).collect::<Result<_, _>>()?;
    let (sockets, sockets_theirs): (Vec<_>, Vec<_>) = seats.into_iter().unzip();

    let config = WorkerConfig {
        serves: match spec.serves {
            Serves::Function => "function",
            Serves::Wsgi => "wsgi",
        },
        callable: &spec.callable,
        paths: settings.path.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
        threads: settings.threads.get(),
        processes: settings.processes.get(),
        seats: sockets_theirs.iter().map(AsRawFd::as_raw_fd).collect(),
        loop_blocked_ms: settings.loop_blocked.map(|after| after.as_millis()),
    };
    let config = serde_json::to_vec(&config).map_err(io::Error::from)?;

    let mut command = Command::new(&settings.interpreter);
    command.args(["-u", "-c", package::BOOT]);
    command.arg(source_theirs.as_raw_fd().to_string());
    command.arg(control_theirs.as_raw_fd().to_string());
    command.arg(&*spec.name);
    command.envs(settings.env.iter().map(|(name, value)| (name, value.reveal())));
    let inherited = [source_theirs, control_theirs].into_iter().chain(sockets_theirs);
    let theirs = child::confine(&mut command, inherited.map(OwnedFd::from).collect());
    let spawned = spawner.spawn(command).await;
    drop(theirs);
    let mut child = spawned.map_err(|error| StartError::NoInterpreter {
        interpreter: settings.interpreter.display().to_string(),
        error,
    })?;

    let who: Arc<str> = format!("{}[{}]", spec.name, child.id().unwrap_or_default()).into();
    listen(&mut child, &who);
    let control = stream(control)?;
    let source = stream(source)?;
    let greeting = greet(control, source, config.into());
    let (hello, control) = match timeout(settings.start_timeout, greeting).await {
        Ok(Ok(greeted)) => greeted,
        Ok(Err(StartError::Io(_))) => return Err(StartError::Exited(child.wait().await?)),
        Ok(Err(error)) => return Err(error),
        Err(_) => return Err(StartError::Silent { after: settings.start_timeout }),
    };
    let sockets = sockets.into_iter().map(stream).collect::<Result<_, _>>()?;
    let worker = Arc::new(Worker::new(hello, control, sockets, &spec));
    Ok(WorkerProcess { child, worker })
}

/// Sends the package and the configuration, and waits for the answer. Dropping the future closes
/// both sockets, which ends the worker.
async fn greet(
    mut control: UnixStream,
    mut source: UnixStream,
    config: Bytes,
) -> Result<(Hello, UnixStream), StartError> {
    source.write_all(package::stream().as_bytes()).await?;
    drop(source);
    let config = Frame { kind: to_worker::CONFIG, id: 0, payload: config };
    control.write_all(&config.encode()?).await?;
    let mut received = BytesMut::new();
    let frame = loop {
        if let Some(frame) = Frame::decode(&mut received) {
            break frame;
        }
        if control.read_buf(&mut received).await? == 0 {
            return Err(StartError::Io(io::ErrorKind::UnexpectedEof.into()));
        }
    };
    match frame.kind {
        from_worker::HELLO => {
            let hello = serde_json::from_slice(&frame.payload).map_err(io::Error::from)?;
            Ok((hello, control))
        }
        from_worker::FAILED => {
            let raised = serde_json::from_slice(&frame.payload).map_err(io::Error::from)?;
            Err(StartError::Failed(raised))
        }
        kind => Err(StartError::Garbled { kind }),
    }
}

/// Forwards the child's output to the log. The tasks end with the child's streams.
fn listen(child: &mut Child, who: &Arc<str>) {
    #[expect(
        clippy::disallowed_methods,
        reason = "they end by themselves when the child and its children have closed the streams; \
                  no task should wait for that"
    )]
    {
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(output_log::log(stdout, Arc::clone(who), "stdout"));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(output_log::log(stderr, Arc::clone(who), "stderr"));
        }
    }
}

fn stream(stream: StdStream) -> io::Result<UnixStream> {
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

#[derive(Serialize)]
struct WorkerConfig<'a> {
    serves: &'static str,
    callable: &'a str,
    paths: Vec<String>,
    threads: usize,
    processes: usize,
    seats: Vec<i32>,
    loop_blocked_ms: Option<u128>,
}

/// Reason why a worker did not start. Its text continues "failed to".
#[derive(Debug)]
pub enum StartError {
    NoInterpreter {
        interpreter: String,
        error: io::Error,
    },
    /// The worker reported it.
    Failed(Raised),
    /// It exited without a report.
    Exited(ExitStatus),
    /// It sent an unknown frame.
    Garbled {
        kind: u8,
    },
    /// It sent nothing in time.
    Silent {
        after: Duration,
    },
    /// It does not fit the seats of its predecessor.
    Changed {
        had: usize,
        has: usize,
    },
    Io(io::Error),
}

/// Python's line between an exception and its cause.
const CAUSE_HEADING: &str = "The above exception was the direct cause of the following exception:";

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::NoInterpreter { interpreter, error } => write!(
                f,
                "run the interpreter `{interpreter}`: {error}; name one by `interpreter` or `venv`"
            ),
            StartError::Failed(raised) => {
                let said = format!("{}: {}", raised.kind, raised.text);
                write!(f, "load the callable: {said}")?;
                // The exception itself is printed once; only its cause is added.
                let traceback = raised.traceback.trim_end();
                let cause = traceback.strip_suffix(&said).unwrap_or(traceback).trim_end();
                match cause.strip_suffix(CAUSE_HEADING).unwrap_or(cause).trim_end() {
                    "" => Ok(()),
                    cause => write!(f, "\n{cause}"),
                }
            }
            StartError::Exited(status) => {
                write!(
                    f,
                    "start a worker: it ended at once ({status}); what it printed is in the log"
                )
            }
            StartError::Garbled { kind } => {
                write!(f, "start a worker: it greeted with a frame of the unknown kind {kind}")
            }
            StartError::Silent { after } => write!(
                f,
                "start a worker: it could not serve within {after:?}; if its imports take that \
                 long, raise `start_timeout`"
            ),
            StartError::Changed { had, has } => write!(
                f,
                "start a worker: it can serve {has} calls at once where the one before served \
                 {had}, since the callable was sync and is async now or the other way round; \
                 restart mesero to serve it"
            ),
            StartError::Io(error) => write!(f, "start a worker: {error}"),
        }
    }
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        StartError::Io(error)
    }
}

impl From<TooLong> for StartError {
    fn from(TooLong { bytes }: TooLong) -> Self {
        StartError::Io(io::Error::other(format!("a frame of {bytes} bytes is too long")))
    }
}

impl<'de> Deserialize<'de> for Hello {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Raw {
            kind: String,
            pid: u32,
            python: String,
            signature: String,
        }
        let Raw { kind, pid, python, signature } = Raw::deserialize(deserializer)?;
        let is_async = match kind.as_str() {
            "async" => true,
            "sync" => false,
            other => return Err(serde::de::Error::custom(format!("unknown kind {other}"))),
        };
        Ok(Hello { is_async, pid, python, signature })
    }
}
