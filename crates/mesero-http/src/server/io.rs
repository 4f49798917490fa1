//! A client's socket as hyper reads and writes it: only bytes that [`RequestFraming`] accepts arrive.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes, BytesMut};
use hyper::rt::ReadBufCursor;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{
    connection_state::{ConnectionState, Rejection},
    framing::{Breach, RequestFraming, Violation},
    linger::Linger,
    timers::ConnectionTimers,
};

/// A usual request is a tenth of this, and a large body needs few calls.
const READ_BYTES: usize = 16 * 1_024;

/// Takes the place of a rejected request. It never reaches the handler.
const SUBSTITUTE: &[u8] = b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n";

/// One connection's socket.
///
/// Bytes of a head stay here until the head is complete and valid. A bad head is replaced by a substitute, which is
/// answered with the [`Rejection`]; a body that is bad after its head passed becomes a read error.
#[derive(Debug)]
pub(crate) struct Io {
    stream: TcpStream,
    state: Arc<ConnectionState>,
    /// The checks of HTTP/1; `None` for another protocol, which has its own.
    guard: Option<Http1Guard>,
    /// Bytes read and not yet forwarded; empty nearly always.
    buffered: BytesMut,
    /// Number of buffered bytes that may be forwarded.
    releasable: usize,
    read_state: ReadState,
    linger: Option<Linger>,
}

#[derive(Debug)]
struct Http1Guard {
    framing: RequestFraming,
    timers: ConnectionTimers,
}

/// The state of the client's side, after the buffered bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadState {
    Open,
    /// No more reads: the last request was rejected, and its response is being sent.
    Rejected,
    /// A read error: the body that hyper is reading is bad.
    Broken(Violation),
    Ended,
}

impl Io {
    pub(crate) fn new(
        stream: TcpStream,
        framing: RequestFraming,
        timers: ConnectionTimers,
        state: Arc<ConnectionState>,
    ) -> Self {
        Self {
            stream,
            state,
            guard: Some(Http1Guard { framing, timers }),
            buffered: BytesMut::new(),
            releasable: 0,
            read_state: ReadState::Open,
            linger: None,
        }
    }

    /// Puts forwarded bytes back in front of the buffered ones.
    pub(crate) fn rewind(&mut self, bytes: Bytes) {
        let rest = std::mem::replace(&mut self.buffered, BytesMut::from(bytes));
        self.releasable += self.buffered.len();
        self.buffered.unsplit(rest);
    }

    /// Checks bytes that were just read, and forwards them at once unless some have to be buffered.
    fn check(&mut self, chunk: &[u8], cursor: &mut ReadBufCursor<'_>) {
        let Some(guard) = &mut self.guard else {
            return cursor.put_slice(chunk);
        };
        guard.timers.on_read();
        let verdict = if self.buffered.is_empty() {
            let verdict = guard.framing.feed(chunk);
            if verdict == Ok(chunk.len()) {
                cursor.put_slice(chunk);
                return self.record_progress();
            }
            self.buffered.extend_from_slice(chunk);
            verdict
        } else {
            self.buffered.extend_from_slice(chunk);
            guard.framing.feed(&self.buffered)
        };
        match verdict {
            Ok(passed) => self.release_up_to(passed),
            Err(Breach { midway: true, violation, .. }) => {
                self.buffered.clear();
                self.read_state = ReadState::Broken(violation);
            }
            Err(Breach { passed, violation, .. }) => {
                self.releasable = passed;
                self.reject(Rejection::Broken(violation));
            }
        }
    }

    fn release_up_to(&mut self, passed: usize) {
        self.releasable = passed;
        let Some(guard) = &mut self.guard else { return };
        if passed > 0 {
            guard.timers.end_head();
        }
        if self.buffered.len() > passed && !guard.framing.is_in_body() {
            guard.timers.start_head();
        }
        self.record_progress();
    }

    fn record_progress(&mut self) {
        let Some(guard) = &self.guard else { return };
        if guard.framing.is_opaque() {
            self.guard = None;
        } else {
            let unfinished = guard.framing.is_in_body();
            let number = if unfinished { guard.framing.heads() } else { 0 };
            self.state.set_receiving(number);
        }
    }

    /// Puts the substitute in the place of the bad request.
    fn reject(&mut self, rejection: Rejection) {
        let Some(guard) = &mut self.guard else { return };
        guard.timers.end_head();
        // A body that was being received ended where the bad request begins.
        self.state.set_receiving(0);
        self.state.reject(guard.framing.heads() + 1, rejection);
        self.buffered.truncate(self.releasable);
        self.buffered.extend_from_slice(SUBSTITUTE);
        self.releasable = self.buffered.len();
        self.read_state = ReadState::Rejected;
    }

    fn release(&mut self, cursor: &mut ReadBufCursor<'_>) {
        let bytes = self.releasable.min(cursor.remaining());
        cursor.put_slice(&self.buffered[..bytes]);
        self.buffered.advance(bytes);
        self.releasable -= bytes;
        if self.buffered.is_empty() {
            // An idle connection holds no memory.
            self.buffered = BytesMut::new();
        }
    }

    /// Polls the timers while no bytes arrive.
    fn poll_timers(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(guard) = &mut self.guard else {
            return Poll::Pending;
        };
        if guard.timers.poll_head(cx).is_ready() {
            let after = guard.timers.head_timeout();
            self.reject(Rejection::HeadTooSlow { after });
            return Poll::Ready(());
        }
        ready!(guard.timers.poll_idle(cx, self.state.is_busy()));
        self.read_state = ReadState::Ended;
        Poll::Ready(())
    }

    fn poll_read_socket(
        &mut self,
        cx: &mut Context<'_>,
        cursor: &mut ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut space = [MaybeUninit::uninit(); READ_BYTES];
        let room = cursor.remaining().min(READ_BYTES);
        let mut chunk = ReadBuf::uninit(&mut space[..room]);
        match Pin::new(&mut self.stream).poll_read(cx, &mut chunk) {
            Poll::Ready(Ok(())) if chunk.filled().is_empty() => self.read_state = ReadState::Ended,
            Poll::Ready(Ok(())) => self.check(chunk.filled(), cursor),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => ready!(self.poll_timers(cx)),
        }
        Poll::Ready(Ok(()))
    }

    fn poll_written(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let Some(guard) = &mut self.guard else {
            return written;
        };
        if written.is_ready() {
            guard.timers.on_write();
            return written;
        }
        guard.timers.on_stalled_write();
        ready!(guard.timers.poll_idle(cx, self.state.is_busy()));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client read nothing of the response within the idle timeout",
        )))
    }

    /// True if the client may still be sending bytes that are not read.
    fn is_cut_short(&self) -> bool {
        match self.read_state {
            ReadState::Ended => false,
            ReadState::Rejected | ReadState::Broken(_) => true,
            ReadState::Open => self.guard.as_ref().is_some_and(|guard| guard.framing.is_in_body()),
        }
    }
}

impl hyper::rt::Read for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let io = self.get_mut();
        let room = cursor.remaining();
        while cursor.remaining() == room {
            if io.releasable > 0 {
                io.release(&mut cursor);
                break;
            }
            match io.read_state {
                ReadState::Open => ready!(io.poll_read_socket(cx, &mut cursor))?,
                // An end of the stream would make hyper drop the requests in flight.
                ReadState::Rejected => return Poll::Pending,
                ReadState::Broken(violation) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, violation)));
                }
                ReadState::Ended => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let io = self.get_mut();
        let written = Pin::new(&mut io.stream).poll_write(cx, bytes);
        io.poll_written(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let io = self.get_mut();
        let written = Pin::new(&mut io.stream).poll_write_vectored(cx, slices);
        io.poll_written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A TCP socket has no buffer of its own to flush.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let io = self.get_mut();
        if io.linger.is_none() {
            ready!(Pin::new(&mut io.stream).poll_shutdown(cx))?;
            if !io.is_cut_short() {
                return Poll::Ready(Ok(()));
            }
        }
        let linger = io.linger.get_or_insert_with(Linger::new);
        linger.poll(&mut io.stream, cx).map(Ok)
    }
}
