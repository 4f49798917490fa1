//! A command's standard output, sent to the caller.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use hyper::body::Frame;
use mesero::Failure;
use mesero_config::Delivery;
use mesero_http::body::BoxError;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Most bytes that one system call reads.
const READ_BYTES: usize = 16 * 1024;

/// Reply to an attempt.
#[derive(Debug)]
pub(super) enum CommandReply {
    /// Nothing was run, since the arguments cannot be passed to a process.
    Rejected {
        why: String,
    },
    Whole(StatusCode, Bytes),
    Streamed(StatusCode, StreamedOutput),
}

/// Sender of an attempt's reply.
pub(super) type ReplySender = oneshot::Sender<Result<CommandReply, Failure>>;

/// Destination of the output.
#[derive(Debug)]
pub(super) enum OutputSink {
    /// A buffer, until the command has ended.
    Buffered { tx: ReplySender, bytes: BytesMut, most: usize },
    /// A stream, before the first byte.
    Waiting { tx: ReplySender, status: StatusCode },
    /// A stream that has begun.
    Streaming { pieces: mpsc::Sender<OutputPiece> },
    /// No destination: the reply has been sent.
    Discarded,
}

/// The output exceeds the buffer's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutputTooLong;

impl OutputSink {
    /// Returns the destination. The first byte of a stream implies `status`.
    pub(super) fn new(tx: ReplySender, delivery: Delivery, status: StatusCode) -> Self {
        match delivery {
            Delivery::Whole { limit } => {
                OutputSink::Buffered { tx, bytes: BytesMut::new(), most: limit }
            }
            Delivery::Streamed => OutputSink::Waiting { tx, status },
        }
    }

    /// Reads until the end of the stream or, once `over`, until nothing more is available. Reads no
    /// faster than the client does. Dropping the future may lose the last piece: the output must
    /// then be discarded.
    ///
    /// # Errors
    /// If the output exceeds its limit.
    pub(super) async fn take(
        &mut self,
        mut from: impl AsyncRead + Unpin,
        over: &CancellationToken,
    ) -> Result<(), OutputTooLong> {
        let mut piece = BytesMut::new();
        loop {
            piece.reserve(READ_BYTES);
            let read = tokio::select! {
                biased;
                read = from.read_buf(&mut piece) => read,
                () = over.cancelled() => return Ok(()),
            };
            // An error ends the output like the end of the stream.
            let Ok(1..) = read else { return Ok(()) };
            self.push(piece.split()).await?;
        }
    }

    /// Bytes in the buffer.
    pub(super) fn len(&self) -> usize {
        match self {
            OutputSink::Buffered { bytes, .. } => bytes.len(),
            OutputSink::Waiting { .. } | OutputSink::Streaming { .. } | OutputSink::Discarded => 0,
        }
    }

    async fn push(&mut self, piece: BytesMut) -> Result<(), OutputTooLong> {
        match self {
            OutputSink::Buffered { bytes, most, .. } => {
                if piece.len() > *most - bytes.len() {
                    return Err(OutputTooLong);
                }
                bytes.extend_from_slice(&piece);
            }
            OutputSink::Waiting { status, .. } => {
                // One piece waits while the one before it is sent.
                let (pieces, rx) = mpsc::channel(1);
                let reply = CommandReply::Streamed(*status, StreamedOutput { rx, reader: None });
                // The channel is new, and so has room.
                let _ = pieces.try_send(OutputPiece::Data(piece.freeze()));
                self.reply(Ok(reply));
                *self = OutputSink::Streaming { pieces };
            }
            OutputSink::Streaming { pieces } => {
                // A client that left has abandoned the run as well, which ends it.
                let _ = pieces.send(OutputPiece::Data(piece.freeze())).await;
            }
            OutputSink::Discarded => {}
        }
        Ok(())
    }

    /// Sends the end of the run: a status for the output, or a failure. Dropping the future breaks
    /// a stream off.
    pub(super) async fn finish(&mut self, ended: Result<StatusCode, Failure>) -> Completion {
        let (tx, reply) = match (std::mem::replace(self, OutputSink::Discarded), ended) {
            (OutputSink::Streaming { pieces }, Ok(_)) => {
                let _ = pieces.send(OutputPiece::End).await;
                return Completion::Sent;
            }
            // Dropping the sender breaks the response off.
            (OutputSink::Streaming { .. }, Err(failure)) => return Completion::BrokenOff(failure),
            (OutputSink::Discarded, _) => return Completion::Sent,
            (OutputSink::Buffered { tx, bytes, .. }, Ok(status)) => {
                (tx, Ok(CommandReply::Whole(status, body(status, bytes.freeze()))))
            }
            (OutputSink::Waiting { tx, .. }, Ok(status)) => {
                (tx, Ok(CommandReply::Whole(status, Bytes::new())))
            }
            (OutputSink::Buffered { tx, .. } | OutputSink::Waiting { tx, .. }, Err(failure)) => {
                (tx, Err(failure))
            }
        };
        // The attempt may have been dropped.
        let _ = tx.send(reply);
        Completion::Sent
    }

    fn reply(&mut self, reply: Result<CommandReply, Failure>) {
        if let OutputSink::Buffered { tx, .. } | OutputSink::Waiting { tx, .. } =
            std::mem::replace(self, OutputSink::Discarded)
        {
            // The attempt may have been dropped.
            let _ = tx.send(reply);
        }
    }
}

/// Success of sending the end of a run.
#[derive(Debug)]
pub(super) enum Completion {
    Sent,
    /// The response had begun with a good status, so it could only be broken off.
    BrokenOff(Failure),
}

/// Some statuses have no body, regardless of the output.
fn body(status: StatusCode, bytes: Bytes) -> Bytes {
    let bodiless = [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::NOT_MODIFIED];
    if bodiless.contains(&status) { Bytes::new() } else { bytes }
}

/// A part of a streamed response.
#[derive(Debug)]
pub(super) enum OutputPiece {
    Data(Bytes),
    /// The command has succeeded. Without it the response is broken off.
    End,
}

/// The body of a streamed response.
#[derive(Debug)]
pub(super) struct StreamedOutput {
    rx: mpsc::Receiver<OutputPiece>,
    reader: Option<DropGuard>,
}

impl StreamedOutput {
    /// Ties the run to this body: dropping the body abandons the run.
    pub(super) fn read_by(mut self, reader: DropGuard) -> Self {
        self.reader = Some(reader);
        self
    }
}

impl hyper::body::Body for StreamedOutput {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.rx.poll_recv(cx).map(|piece| match piece {
            Some(OutputPiece::Data(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(OutputPiece::End) => None,
            None => Some(Err("the command failed in the middle of its output".into())),
        })
    }
}
