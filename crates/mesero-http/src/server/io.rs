//! A client's socket as hyper reads and writes it: only bytes that [`Framing`] lets through arrive.

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
    exchange::{Exchange, Refusal},
    framing::{Breach, Framing, Violation},
    linger::Linger,
    patience::Patience,
};

/// A usual request is a tenth of this, and a large body needs few calls.
const READ_BYTES: usize = 16 * 1_024;

/// Stands for a request that was refused. The service never hands it to anyone.
const SUBSTITUTE: &[u8] = b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n";

/// One connection's socket.
///
/// Bytes of a head stay here until the head is whole and good. A bad head is replaced by a substitute that the service
/// answers with the [`Refusal`]; a body that breaks after its head was let through becomes a read error.
#[derive(Debug)]
pub(crate) struct Io {
    stream: TcpStream,
    exchange: Arc<Exchange>,
    /// What watches over HTTP/1; `None` for another protocol, which has its own means.
    guard: Option<Guard>,
    /// Bytes read and not yet handed on; empty nearly always.
    held: BytesMut,
    /// How many of them may be handed on.
    whole: usize,
    inlet: Inlet,
    linger: Option<Linger>,
}

#[derive(Debug)]
struct Guard {
    framing: Framing,
    patience: Patience,
}

/// What comes from the client after the bytes held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inlet {
    Open,
    /// Nothing: the last request was refused, and its answer is under way.
    Refused,
    /// A failure, since the body that hyper is reading broke.
    Broken(Violation),
    Ended,
}

impl Io {
    pub(crate) fn new(
        stream: TcpStream,
        framing: Framing,
        patience: Patience,
        exchange: Arc<Exchange>,
    ) -> Self {
        Self {
            stream,
            exchange,
            guard: Some(Guard { framing, patience }),
            held: BytesMut::new(),
            whole: 0,
            inlet: Inlet::Open,
            linger: None,
        }
    }

    /// Puts bytes that were handed on back to the front.
    pub(crate) fn rewind(&mut self, bytes: Bytes) {
        let rest = std::mem::replace(&mut self.held, BytesMut::from(bytes));
        self.whole += self.held.len();
        self.held.unsplit(rest);
    }

    /// Judges what was just read, and hands it on at once where nothing has to be held.
    fn take_in(&mut self, chunk: &[u8], cursor: &mut ReadBufCursor<'_>) {
        let Some(guard) = &mut self.guard else {
            return cursor.put_slice(chunk);
        };
        guard.patience.read();
        let verdict = if self.held.is_empty() {
            let verdict = guard.framing.feed(chunk);
            if verdict == Ok(chunk.len()) {
                cursor.put_slice(chunk);
                return self.let_through();
            }
            self.held.extend_from_slice(chunk);
            verdict
        } else {
            self.held.extend_from_slice(chunk);
            guard.framing.feed(&self.held)
        };
        match verdict {
            Ok(passed) => self.hold_after(passed),
            Err(Breach { midway: true, violation, .. }) => {
                self.held.clear();
                self.inlet = Inlet::Broken(violation);
            }
            Err(Breach { passed, violation, .. }) => {
                self.whole = passed;
                self.refuse(Refusal::Broken(violation));
            }
        }
    }

    fn hold_after(&mut self, passed: usize) {
        self.whole = passed;
        let Some(guard) = &mut self.guard else { return };
        if passed > 0 {
            guard.patience.head_ended();
        }
        if self.held.len() > passed && !guard.framing.is_in_body() {
            guard.patience.head_began();
        }
        self.let_through();
    }

    fn let_through(&mut self) {
        let Some(guard) = &self.guard else { return };
        if guard.framing.is_opaque() {
            self.guard = None;
        } else {
            let unfinished = guard.framing.is_in_body();
            let number = if unfinished { guard.framing.heads() } else { 0 };
            self.exchange.receives(number);
        }
    }

    /// Puts the substitute where the bad request would stand.
    fn refuse(&mut self, refusal: Refusal) {
        let Some(guard) = &mut self.guard else { return };
        guard.patience.head_ended();
        // Whatever was being received ended where the bad request begins.
        self.exchange.receives(0);
        self.exchange.refuse(guard.framing.heads() + 1, refusal);
        self.held.truncate(self.whole);
        self.held.extend_from_slice(SUBSTITUTE);
        self.whole = self.held.len();
        self.inlet = Inlet::Refused;
    }

    fn hand_on(&mut self, cursor: &mut ReadBufCursor<'_>) {
        let bytes = self.whole.min(cursor.remaining());
        cursor.put_slice(&self.held[..bytes]);
        self.held.advance(bytes);
        self.whole -= bytes;
        if self.held.is_empty() {
            // An idle connection holds no memory.
            self.held = BytesMut::new();
        }
    }

    /// Looks at the clocks when the client has nothing for us.
    fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(guard) = &mut self.guard else {
            return Poll::Pending;
        };
        if guard.patience.poll_head(cx).is_ready() {
            let after = guard.patience.head_timeout();
            self.refuse(Refusal::HeadTooSlow { after });
            return Poll::Ready(());
        }
        ready!(guard.patience.poll_idle(cx, self.exchange.is_busy()));
        self.inlet = Inlet::Ended;
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
            Poll::Ready(Ok(())) if chunk.filled().is_empty() => self.inlet = Inlet::Ended,
            Poll::Ready(Ok(())) => self.take_in(chunk.filled(), cursor),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => ready!(self.poll_overdue(cx)),
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
            guard.patience.wrote();
            return written;
        }
        guard.patience.write_stalled();
        ready!(guard.patience.poll_idle(cx, self.exchange.is_busy()));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client took nothing of the answer for the idle timeout",
        )))
    }

    /// The client may still be sending what nobody will read.
    fn is_cut_short(&self) -> bool {
        match self.inlet {
            Inlet::Ended => false,
            Inlet::Refused | Inlet::Broken(_) => true,
            Inlet::Open => self.guard.as_ref().is_some_and(|guard| guard.framing.is_in_body()),
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
            if io.whole > 0 {
                io.hand_on(&mut cursor);
                break;
            }
            match io.inlet {
                Inlet::Open => ready!(io.poll_read_socket(cx, &mut cursor))?,
                // The end of the stream would make hyper drop what it is still working on.
                Inlet::Refused => return Poll::Pending,
                Inlet::Broken(violation) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, violation)));
                }
                Inlet::Ended => break,
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
        // A TCP socket keeps nothing back.
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
