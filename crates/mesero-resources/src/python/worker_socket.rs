//! Socket of a sync worker's seat, for one call at a time.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use mesero_http::payload::Stored;
use mesero_process::frame::{Frame, to_worker};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;

/// The socket of a worker's thread.
#[derive(Debug)]
pub(super) struct WorkerSocket {
    socket: UnixStream,
    unsent: Bytes,
    /// Sent with the first unsent byte.
    file: Option<Arc<Stored>>,
    received: BytesMut,
    /// ID of the call whose request body is being sent.
    open_body: Option<u64>,
}

/// Enough for most answers in one system call.
const RECEIVE_BYTES: usize = 16 * 1024;

impl WorkerSocket {
    pub(super) fn new(socket: UnixStream) -> Self {
        let (unsent, received) = (Bytes::new(), BytesMut::new());
        Self { socket, unsent, file: None, received, open_body: None }
    }

    /// Queues `bytes` to be sent next, with `file`.
    pub(super) fn put(&mut self, bytes: Bytes, file: Option<Arc<Stored>>) {
        self.unsent = bytes;
        self.file = file;
    }

    /// Announces a body after the queued request.
    pub(super) fn open_body(&mut self, id: u64) {
        self.open_body = Some(id);
    }

    /// Ends an announced body that has not ended: with a frame of `kind`, after the unsent bytes.
    pub(super) fn end_body(&mut self, kind: u8) {
        let Some(id) = self.open_body.take() else { return };
        if let Ok(end) = (Frame { kind, id, payload: Bytes::new() }).encode() {
            self.unsent = if self.unsent.is_empty() {
                end
            } else {
                [&self.unsent[..], &end[..]].concat().into()
            };
        }
    }

    pub(super) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Sends the unsent bytes and waits for the answer. Dropping the future loses nothing: called
    /// again, it continues.
    pub(super) async fn exchange(&mut self) -> io::Result<Frame> {
        self.send().await?;
        self.next(&mut None).await
    }

    /// Sends the unsent bytes without reading. For bytes that the worker reads before it sends any,
    /// or when it sends no more. Dropping the future loses nothing.
    pub(super) async fn send(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            let sent = match &self.file {
                None => self.socket.write(&self.unsent).await?,
                Some(file) => send_with_file(&self.socket, &self.unsent, file).await?,
            };
            self.file = None;
            self.unsent.advance(sent);
        }
        Ok(())
    }

    /// Waits for the next frame, while it sends the unsent bytes and the pieces of `body`. Dropping
    /// the future loses nothing.
    pub(super) async fn next(&mut self, body: &mut Option<Incoming>) -> io::Result<Frame> {
        loop {
            if let Some(frame) = self.ready() {
                return Ok(frame);
            }
            self.received.reserve(RECEIVE_BYTES);
            let (mut from, mut to) = self.socket.split();
            let idle = self.unsent.is_empty();
            tokio::select! {
                count = from.read_buf(&mut self.received) => {
                    if count? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                sent = to.write(&self.unsent), if !idle => self.unsent.advance(sent?),
                piece = piece(body), if idle && body.is_some() => match piece {
                    BodyPiece::Data(data) => self.put_piece(data)?,
                    BodyPiece::End => {
                        *body = None;
                        self.end_body(to_worker::BODY_END);
                    }
                    BodyPiece::Broken => {
                        *body = None;
                        self.end_body(to_worker::BODY_BROKEN);
                    }
                },
            }
        }
    }

    /// Returns a frame that has been received already.
    pub(super) fn ready(&mut self) -> Option<Frame> {
        Frame::decode(&mut self.received)
    }

    /// Waits for the last frame of the call, and discards the frames before it. Dropping the future
    /// loses discarded frames only.
    pub(super) async fn finish(&mut self) -> io::Result<Frame> {
        if self.file.is_some() {
            self.send().await?;
        }
        loop {
            let frame = self.next(&mut None).await?;
            if !frame.is_continued() {
                return Ok(frame);
            }
        }
    }

    fn put_piece(&mut self, payload: Bytes) -> io::Result<()> {
        if let (Some(id), false) = (self.open_body, payload.is_empty()) {
            let frame = Frame { kind: to_worker::BODY, id, payload };
            self.unsent =
                frame.encode().map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        }
        Ok(())
    }
}

/// A part of a request body.
enum BodyPiece {
    Data(Bytes),
    End,
    /// The client left, or its framing was wrong.
    Broken,
}

async fn piece(body: &mut Option<Incoming>) -> BodyPiece {
    let Some(stream) = body else { return BodyPiece::End };
    match stream.frame().await {
        // Trailers are not part of the body.
        Some(Ok(frame)) => BodyPiece::Data(frame.into_data().unwrap_or_default()),
        Some(Err(_)) => BodyPiece::Broken,
        None => BodyPiece::End,
    }
}

async fn send_with_file(socket: &UnixStream, bytes: &[u8], file: &Stored) -> io::Result<usize> {
    let send = || {
        let files = [file.as_fd()];
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(&files));
        let pieces = [io::IoSlice::new(bytes)];
        Ok(sendmsg(socket, &pieces, &mut ancillary, SendFlags::NOSIGNAL)?)
    };
    socket.async_io(Interest::WRITABLE, send).await
}
