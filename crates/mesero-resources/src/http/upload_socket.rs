//! The socket of an HTTP/1.1 connection, whose upstream may read a long body late.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use mesero_http::socket::{MaybeTlsStream, limit_unacknowledged};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Largest body that fits the buffers of every upstream that has not begun to read it. Of a longer
/// one, a slow upstream may take nothing for any time, and is not dead.
const BUFFERED_BYTES: u64 = 32 * 1024;

/// A socket that ends when what was sent is not acknowledged, except during a long upload.
#[derive(Debug)]
pub(super) struct UploadSocket {
    stream: MaybeTlsStream,
    uploads: UploadSize,
    /// The setting of the kernel.
    is_limited: bool,
}

/// The size of the request's body, as announced to the socket.
#[derive(Debug, Clone, Default)]
pub(super) struct UploadSize(Arc<AtomicBool>);

impl UploadSize {
    /// Announces a request whose body has so many bytes, or an unknown number.
    pub(super) fn announce(&self, bytes: Option<u64>) {
        let is_long = bytes.is_none_or(|bytes| bytes > BUFFERED_BYTES);
        self.0.store(is_long, Ordering::Relaxed);
    }

    fn is_long(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl UploadSocket {
    /// Wraps a connection whose unacknowledged data is limited.
    pub(super) fn new(stream: MaybeTlsStream, uploads: UploadSize) -> Self {
        Self { stream, uploads, is_limited: true }
    }

    pub(super) fn into_inner(self) -> MaybeTlsStream {
        self.stream
    }

    fn adapt(&mut self) {
        let is_limited = !self.uploads.is_long();
        if is_limited != self.is_limited {
            self.is_limited = is_limited;
            // Otherwise, an upload fails that could have waited, or a dead peer is noticed late.
            let _ = limit_unacknowledged(self.stream.tcp(), is_limited);
        }
    }
}

impl AsyncRead for UploadSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, space)
    }
}

impl AsyncWrite for UploadSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let socket = self.get_mut();
        socket.adapt();
        Pin::new(&mut socket.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let socket = self.get_mut();
        socket.adapt();
        Pin::new(&mut socket.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use mesero_http::socket::detect_dead_peer;
    use rustix::net::sockopt::tcp_user_timeout;
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn only_during_a_long_upload_may_data_be_unacknowledged_for_any_time() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        detect_dead_peer(&stream).unwrap();
        let uploads = UploadSize::default();
        let mut socket = UploadSocket::new(MaybeTlsStream::Clear(stream), uploads.clone());
        let sizes = [(Some(0), 30_000), (None, 0), (Some(1), 30_000), (Some(1 << 20), 0)];
        for (bytes, expected) in sizes {
            uploads.announce(bytes);
            socket.write_all(b"head").await.unwrap();
            assert_eq!(tcp_user_timeout(socket.stream.tcp()).unwrap(), expected, "{bytes:?}");
        }
    }
}
