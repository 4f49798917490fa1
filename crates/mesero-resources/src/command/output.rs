//! A command's standard output on its way to whoever asked.

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

/// How much is read at once.
const READ_BYTES: usize = 16 * 1024;

/// What an attempt is told.
#[derive(Debug)]
pub(super) enum CommandReply {
    /// Nothing was run, since the arguments cannot be passed on.
    Rejected {
        why: String,
    },
    Whole(StatusCode, Bytes),
    Streamed(StatusCode, StreamedOutput),
}

/// Where an attempt waits.
pub(super) type ReplySender = oneshot::Sender<Result<CommandReply, Failure>>;

/// Where the output goes.
#[derive(Debug)]
pub(super) enum OutputSink {
    /// It is kept until the command has ended.
    Buffered { tx: ReplySender, bytes: BytesMut, most: usize },
    /// Nothing has come yet that could be sent.
    Waiting { tx: ReplySender, status: StatusCode },
    /// It is sent as it comes.
    Streaming { pieces: mpsc::Sender<OutputPiece> },
    /// Nobody wants it.
    Discarded,
}

/// There is more output than may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutputTooLong;

impl OutputSink {
    /// An output whose first bytes mean `status`, where it is streamed.
    pub(super) fn new(tx: ReplySender, delivery: Delivery, status: StatusCode) -> Self {
        match delivery {
            Delivery::Whole { limit } => {
                OutputSink::Buffered { tx, bytes: BytesMut::new(), most: limit }
            }
            Delivery::Streamed => OutputSink::Waiting { tx, status },
        }
    }

    /// Takes what comes, until the end of the stream or, once `over`, until nothing more is at
    /// hand. It reads no faster than the output is wanted.
    ///
    /// # Errors
    /// If there is more of it than may be kept.
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
            // An error is the end: there is nothing more to be had.
            let Ok(1..) = read else { return Ok(()) };
            self.push(piece.split()).await?;
        }
    }

    /// How many bytes are kept.
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
                // One piece waits while the one before it is being sent.
                let (pieces, coming) = mpsc::channel(1);
                let reply =
                    CommandReply::Streamed(*status, StreamedOutput { coming, reader: None });
                // Nobody can have taken this place in the channel.
                let _ = pieces.try_send(OutputPiece::Data(piece.freeze()));
                self.reply(Ok(reply));
                *self = OutputSink::Streaming { pieces };
            }
            OutputSink::Streaming { pieces } => {
                // Who does not listen any more has also given the run up, which ends it.
                let _ = pieces.send(OutputPiece::Data(piece.freeze())).await;
            }
            OutputSink::Discarded => {}
        }
        Ok(())
    }

    /// Tells how it ended: with a status for the output, or with a failure. Whether it could still
    /// be told as it should.
    pub(super) async fn finish(&mut self, ended: Result<StatusCode, Failure>) -> Completion {
        let (tx, reply) = match (std::mem::replace(self, OutputSink::Discarded), ended) {
            (OutputSink::Streaming { pieces }, Ok(_)) => {
                let _ = pieces.send(OutputPiece::End).await;
                return Completion::Sent;
            }
            // Dropping the sender breaks the answer off.
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
        // Nobody may wait any more.
        let _ = tx.send(reply);
        Completion::Sent
    }

    fn reply(&mut self, reply: Result<CommandReply, Failure>) {
        if let OutputSink::Buffered { tx, .. } | OutputSink::Waiting { tx, .. } =
            std::mem::replace(self, OutputSink::Discarded)
        {
            // Nobody may wait any more.
            let _ = tx.send(reply);
        }
    }
}

/// Whether whoever asked was told how it ended.
#[derive(Debug)]
pub(super) enum Completion {
    Sent,
    /// The answer had begun and seemed to be good, so it could only be broken off.
    BrokenOff(Failure),
}

/// Some answers have no body, whatever a command prints.
fn body(status: StatusCode, bytes: Bytes) -> Bytes {
    let bodiless = [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::NOT_MODIFIED];
    if bodiless.contains(&status) { Bytes::new() } else { bytes }
}

/// A part of an answer that is sent as it comes.
#[derive(Debug)]
pub(super) enum OutputPiece {
    Data(Bytes),
    /// The command has ended well. Without it the answer is broken off.
    End,
}

/// The body of an answer that is sent as it comes.
#[derive(Debug)]
pub(super) struct StreamedOutput {
    coming: mpsc::Receiver<OutputPiece>,
    reader: Option<DropGuard>,
}

impl StreamedOutput {
    /// Ties the run to whoever reads this body: dropping it gives the run up.
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
        self.coming.poll_recv(cx).map(|piece| match piece {
            Some(OutputPiece::Data(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(OutputPiece::End) => None,
            None => Some(Err("the command failed in the middle of its output".into())),
        })
    }
}
