//! One run of a command, until its whole group has ended.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;

use http::StatusCode;
use http_body_util::BodyExt;
use mesero::{Attempt, Failure, Stop, StopKind};
use mesero_config::{CommandSettings, Delivery};
use mesero_http::payload::Payload;
use mesero_process::tail::Tail;
use rustix::process::Signal;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::exit::CommandExit;
use super::output::{CommandReply, Completion, OutputSink, OutputTooLong, ReplySender};
use super::process::{CommandProcess, CommandStreams};
use super::run_context::RunContext;
use crate::Request;

/// One run of a command. Its task is never canceled: it holds the slot, and ends when the process
/// group has.
pub(super) struct CommandRun {
    pub(super) context: Arc<RunContext>,
    pub(super) request: Request,
    /// Holds the slot.
    pub(super) attempt: Attempt,
    pub(super) tx: ReplySender,
    /// Set when no client waits for the answer.
    pub(super) abandoned: CancellationToken,
}

/// Reason why the exchange with a process is over.
enum RunEnd {
    /// Its leader has exited, and its output has been read.
    Exited,
    Abandoned,
    OutputTooLong,
}

impl CommandRun {
    /// Runs the command, and sends its reply. Dropping the future kills the group and reaps its
    /// leader.
    pub(super) async fn run(self) {
        let Self { context, request, attempt, tx, abandoned } = self;
        let RunContext { name, settings, guardian, .. } = &*context;
        let invocation = match context.invocation(&attempt.info().arguments, &request.body) {
            Ok(invocation) => invocation,
            Err(why) => {
                let _ = tx.send(Ok(CommandReply::Rejected { why }));
                return;
            }
        };
        let seat = attempt.slot().seat();
        let (process, streams) = match CommandProcess::start(invocation, &context, seat).await {
            Ok(started) => started,
            Err(failure) => {
                let _ = tx.send(Err(failure));
                return;
            }
        };
        let CommandStreams { stdin, mut stdout, mut stderr } = streams;
        let good = settings.exit_codes.get(&0).copied().unwrap_or(StatusCode::OK);
        let mut output = OutputSink::new(tx, settings.output, good);
        let mut tail = Tail::default();
        let conversation = Conversation { process: &process, settings, abandoned: &abandoned };
        let readers = OutputReaders {
            stdout: &mut stdout,
            output: &mut output,
            stderr: &mut stderr,
            tail: &mut tail,
        };
        let over = conversation.run(feed(stdin, request.body), readers).await;
        let since = Instant::now();
        match over {
            RunEnd::Exited => {}
            RunEnd::Abandoned => process.end(stdout, stderr, settings.grace).await,
            RunEnd::OutputTooLong => {
                // The failure is certain; the caller need not wait for the process to end.
                output.finish(Err(output_too_long(settings))).await;
                process.end(stdout, stderr, settings.grace).await;
            }
        }
        // Processes that closed their outputs and still run are killed; the leader, not yet reaped,
        // keeps the group's ID.
        process.signal(Signal::KILL);
        // The line exists already, so writing it does not fail.
        let _ = guardian.forget(seat);
        let status = process.reap();
        if let RunEnd::Abandoned = over {
            attempt.slot().stopped(stop(status.as_ref().ok(), since));
        }
        // The resource is idle while a slow client still reads.
        let job = attempt.job();
        drop(attempt);
        let ended = match status {
            Ok(status) => outcome(status, settings, &tail).map_err(|failure| {
                failure.with_source(CommandExit { status, printed: output.len() })
            }),
            Err(error) => {
                Err(Failure::lost(format!("the command's exit status is unknown: {error}")))
            }
        };
        let finish = tokio::select! {
            finish = output.finish(ended) => finish,
            // A client that left does not take the last piece.
            () = abandoned.cancelled() => Completion::Sent,
        };
        if let Completion::BrokenOff(failure) = finish {
            let (resource, detail) = (&**name, failure.detail());
            tracing::warn!(
                target: "command",
                resource,
                job.id = %format_args!("{resource}-{job}"),
                detail,
                "the answer was broken off: {failure}"
            );
        }
    }
}

/// Input and output of a running process, with its bounds.
struct Conversation<'a> {
    process: &'a CommandProcess,
    settings: &'a CommandSettings,
    abandoned: &'a CancellationToken,
}

/// The two outputs and their destinations.
struct OutputReaders<'a, O, E> {
    stdout: O,
    output: &'a mut OutputSink,
    stderr: E,
    tail: &'a mut Tail,
}

impl Conversation<'_> {
    /// Writes the input and reads the outputs, until the run is over.
    ///
    /// Children of the leader that outlive it have the grace period to finish their output; then
    /// they are killed.
    async fn run<O, E>(
        &self,
        feed: impl Future<Output = ()>,
        readers: OutputReaders<'_, O, E>,
    ) -> RunEnd
    where
        O: tokio::io::AsyncRead + Unpin,
        E: tokio::io::AsyncRead + Unpin,
    {
        let late = CancellationToken::new();
        let read = async {
            let OutputReaders { stdout, output, stderr, tail } = readers;
            let stderr = async {
                tail.read(stderr, &late).await;
                Ok(())
            };
            tokio::try_join!(output.take(stdout, &late), stderr)
        };
        let ended = async {
            self.process.ended().await;
            Ok(())
        };
        let whole = async { tokio::try_join!(read, ended) };
        let stragglers = async {
            self.process.ended().await;
            sleep(self.settings.grace).await;
            self.process.signal(Signal::KILL);
            late.cancel();
            std::future::pending().await
        };
        let fed = async {
            feed.await;
            std::future::pending().await
        };
        tokio::select! {
            biased;
            () = self.abandoned.cancelled() => RunEnd::Abandoned,
            over = whole => match over {
                Ok(_) => RunEnd::Exited,
                Err(OutputTooLong) => RunEnd::OutputTooLong,
            },
            () = stragglers => RunEnd::Exited,
            () = fed => RunEnd::Exited,
        }
    }
}

/// Writes the body to a command's standard input, and closes it. A command need not read it.
async fn feed(stdin: Option<pipe::Sender>, body: Payload) {
    let Some(mut stdin) = stdin else { return };
    match body {
        Payload::Whole(bytes) => {
            let _ = stdin.write_all(&bytes).await;
        }
        // Bodies are stored for WSGI applications only.
        Payload::Stored(_) => {}
        Payload::Streaming(_) => {
            let Some(mut stream) = body.take_stream() else { return };
            while let Some(Ok(frame)) = stream.frame().await {
                if let Ok(piece) = frame.into_data()
                    && stdin.write_all(&piece).await.is_err()
                {
                    return;
                }
            }
        }
    }
}

/// Returns the kind of stop: at SIGTERM, or only at SIGKILL.
fn stop(status: Option<&ExitStatus>, since: Instant) -> Stop {
    let was_killed = status.and_then(ExitStatus::signal) == Some(Signal::KILL.as_raw());
    let kind = if was_killed { StopKind::Killed } else { StopKind::Interrupted };
    Stop { kind, after: since.elapsed() }
}

/// Returns the status or the failure for an exit status.
fn outcome(
    status: ExitStatus,
    settings: &CommandSettings,
    tail: &Tail,
) -> Result<StatusCode, Failure> {
    let failure = match (status.code(), status.signal()) {
        (Some(code), _) => match settings.exit_codes.get(&code) {
            Some(status) => return Ok(*status),
            None if code == 0 => return Ok(StatusCode::OK),
            None => Failure::raised(format!("the command ended with exit code {code}")),
        },
        (None, Some(signal)) => Failure::lost(format!("the command was killed by signal {signal}")),
        (None, None) => Failure::lost(format!("the command ended in an unknown way: {status}")),
    };
    Err(match tail.text() {
        Some(text) => failure.with_detail(text),
        None => failure,
    })
}

fn output_too_long(settings: &CommandSettings) -> Failure {
    match settings.output {
        Delivery::Whole { limit } => {
            Failure::raised(format!("the command printed more than {limit} bytes, and was ended"))
        }
        // A stream has no limit.
        Delivery::Streamed => Failure::raised("the command printed too much"),
    }
}
