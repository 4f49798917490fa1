//! A byte stream to a server, in plaintext or through TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A connection to the upstream.
#[derive(Debug)]
pub enum MaybeTlsStream {
    Clear(TcpStream),
    /// On the heap, since it is large and most upstreams use no TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Time after which a peer that acknowledges nothing is dead: its connection then ends with an error.
const DEAD_AFTER: Duration = Duration::from_secs(30);

/// Idle time before the kernel asks whether the peer is still there, and the time between two
/// questions.
const PROBE_INTERVAL: Duration = Duration::from_secs(10);

/// Unanswered questions after which the connection ends: [`DEAD_AFTER`], with the idle time.
const PROBES: u32 = 2;

/// Makes the kernel notice a peer that is gone without a sign, also while nothing is sent: the
/// connection then ends with an error.
///
/// # Errors
/// If the kernel does not take the settings.
pub fn detect_dead_peer(stream: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, PROBE_INTERVAL)?;
    sockopt::set_tcp_keepintvl(stream, PROBE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, PROBES)?;
    limit_unacknowledged(stream, true)
}

/// Sets whether a connection ends when its peer acknowledges nothing for half a minute.
///
/// It also ends if the peer acknowledges, but takes nothing for so long, which the kernel does not
/// distinguish. So this must be off where a living peer may do that.
///
/// # Errors
/// If the kernel does not take the setting.
pub fn limit_unacknowledged(stream: &TcpStream, is_limited: bool) -> io::Result<()> {
    let after = if is_limited { DEAD_AFTER } else { Duration::ZERO };
    let after = u32::try_from(after.as_millis()).unwrap_or(u32::MAX);
    Ok(sockopt::set_tcp_user_timeout(stream, after)?)
}

impl MaybeTlsStream {
    /// Returns the TCP connection, below TLS.
    pub fn tcp(&self) -> &TcpStream {
        match self {
            MaybeTlsStream::Clear(stream) => stream,
            MaybeTlsStream::Tls(stream) => stream.get_ref().0,
        }
    }

    /// Closes the connection with a reset: every later write of the peer fails.
    pub fn reset(self) {
        // Without it, the connection is closed in order, unless unread data is left.
        let _ = self.tcp().set_zero_linger();
    }
}

impl AsyncRead for MaybeTlsStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            MaybeTlsStream::Clear(stream) => Pin::new(stream).poll_read(cx, space),
            MaybeTlsStream::Tls(stream) => Pin::new(stream).poll_read(cx, space),
        }
    }
}

impl AsyncWrite for MaybeTlsStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            MaybeTlsStream::Clear(stream) => Pin::new(stream).poll_write(cx, bytes),
            MaybeTlsStream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            MaybeTlsStream::Clear(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            MaybeTlsStream::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            MaybeTlsStream::Clear(stream) => stream.is_write_vectored(),
            MaybeTlsStream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            MaybeTlsStream::Clear(stream) => Pin::new(stream).poll_flush(cx),
            MaybeTlsStream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            MaybeTlsStream::Clear(stream) => Pin::new(stream).poll_shutdown(cx),
            MaybeTlsStream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
