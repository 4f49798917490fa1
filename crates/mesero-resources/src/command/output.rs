//! A command's standard output on its way to whoever asked.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use hyper::body::Frame;
use mesero::Failure;
use mesero_http::body::BoxError;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::settings::Delivery;

/// How much is read at once.
const PIECE: usize = 16 * 1024;

/// What an attempt is told.
#[derive(Debug)]
pub(super) enum Told {
    /// Nothing was run, since the arguments cannot be passed on.
    Refused {
        why: String,
    },
    Whole(StatusCode, Bytes),
    Coming(StatusCode, Pieces),
}

/// Where an attempt waits.
pub(super) type Tell = oneshot::Sender<Result<Told, Failure>>;

/// Where the output goes.
#[derive(Debug)]
pub(super) enum Output {
    /// It is kept until the command has ended.
    Kept { tell: Tell, bytes: BytesMut, most: usize },
    /// Nothing has come yet that could be sent.
    Silent { tell: Tell, status: StatusCode },
    /// It is sent as it comes.
    Sent { pieces: mpsc::Sender<Piece> },
    /// Nobody wants it.
    Unwanted,
}

/// There is more output than may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMuch;

impl Output {
    /// An output whose first bytes mean `status`, where it is streamed.
    pub(super) fn new(tell: Tell, delivery: Delivery, status: StatusCode) -> Self {
        match delivery {
            Delivery::Whole { most } => Output::Kept { tell, bytes: BytesMut::new(), most },
            Delivery::Streamed => Output::Silent { tell, status },
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
    ) -> Result<(), TooMuch> {
        let mut piece = BytesMut::new();
        loop {
            piece.reserve(PIECE);
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
            Output::Kept { bytes, .. } => bytes.len(),
            Output::Silent { .. } | Output::Sent { .. } | Output::Unwanted => 0,
        }
    }

    async fn push(&mut self, piece: BytesMut) -> Result<(), TooMuch> {
        match self {
            Output::Kept { bytes, most, .. } => {
                if piece.len() > *most - bytes.len() {
                    return Err(TooMuch);
                }
                bytes.extend_from_slice(&piece);
            }
            Output::Silent { status, .. } => {
                // One piece waits while the one before it is being sent.
                let (pieces, coming) = mpsc::channel(1);
                let told = Told::Coming(*status, Pieces { coming, reader: None });
                // Nobody can have taken this place in the channel.
                let _ = pieces.try_send(Piece::Data(piece.freeze()));
                self.tell(Ok(told));
                *self = Output::Sent { pieces };
            }
            Output::Sent { pieces } => {
                // Who does not listen any more has also given the run up, which ends it.
                let _ = pieces.send(Piece::Data(piece.freeze())).await;
            }
            Output::Unwanted => {}
        }
        Ok(())
    }

    /// Tells how it ended: with a status for the output, or with a failure. Whether it could still
    /// be told as it should.
    pub(super) async fn finish(&mut self, ended: Result<StatusCode, Failure>) -> Finish {
        let told = match (std::mem::replace(self, Output::Unwanted), ended) {
            (Output::Sent { pieces }, Ok(_)) => {
                let _ = pieces.send(Piece::End).await;
                return Finish::Told;
            }
            // Dropping the sender breaks the answer off.
            (Output::Sent { .. }, Err(failure)) => return Finish::BrokenOff(failure),
            (Output::Unwanted, _) => return Finish::Told,
            (Output::Kept { tell, bytes, .. }, Ok(status)) => {
                (tell, Ok(Told::Whole(status, body(status, bytes.freeze()))))
            }
            (Output::Silent { tell, .. }, Ok(status)) => {
                (tell, Ok(Told::Whole(status, Bytes::new())))
            }
            (Output::Kept { tell, .. } | Output::Silent { tell, .. }, Err(failure)) => {
                (tell, Err(failure))
            }
        };
        // Nobody may wait any more.
        let _ = told.0.send(told.1);
        Finish::Told
    }

    fn tell(&mut self, told: Result<Told, Failure>) {
        if let Output::Kept { tell, .. } | Output::Silent { tell, .. } =
            std::mem::replace(self, Output::Unwanted)
        {
            // Nobody may wait any more.
            let _ = tell.send(told);
        }
    }
}

/// Whether whoever asked was told how it ended.
#[derive(Debug)]
pub(super) enum Finish {
    Told,
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
pub(super) enum Piece {
    Data(Bytes),
    /// The command has ended well. Without it the answer is broken off.
    End,
}

/// The body of an answer that is sent as it comes.
#[derive(Debug)]
pub(super) struct Pieces {
    coming: mpsc::Receiver<Piece>,
    reader: Option<DropGuard>,
}

impl Pieces {
    /// Ties the run to whoever reads this body: dropping it gives the run up.
    pub(super) fn read_by(mut self, reader: DropGuard) -> Self {
        self.reader = Some(reader);
        self
    }
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.coming.poll_recv(cx).map(|piece| match piece {
            Some(Piece::Data(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Piece::End) => None,
            None => Some(Err("the command failed in the middle of its output".into())),
        })
    }
}
