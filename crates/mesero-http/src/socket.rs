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
/// questions. The first unanswered one after [`DEAD_AFTER`] ends the connection.
const PROBE_INTERVAL: Duration = Duration::from_secs(10);

/// Makes the kernel notice a peer that is gone without a sign, also while nothing is sent: the
/// connection then ends with an error.
///
/// # Errors
/// If the kernel does not take the settings.
pub fn detect_dead_peer(stream: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, PROBE_INTERVAL)?;
    sockopt::set_tcp_keepintvl(stream, PROBE_INTERVAL)?;
    let most = u32::try_from(DEAD_AFTER.as_millis()).unwrap_or(u32::MAX);
    sockopt::set_tcp_user_timeout(stream, most)?;
    Ok(())
}

impl MaybeTlsStream {
    /// Closes the connection with a reset: every later write of the peer fails.
    pub fn reset(self) {
        let stream = match &self {
            MaybeTlsStream::Clear(stream) => stream,
            MaybeTlsStream::Tls(stream) => stream.get_ref().0,
        };
        // Without it, the connection is closed in order, unless unread data is left.
        let _ = stream.set_zero_linger();
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
