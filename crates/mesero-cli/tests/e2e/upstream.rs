//! An HTTP server that a test plays, as the upstream of a proxy or the target of a benchmark.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::harness::HANG_TIMEOUT;

/// An HTTP server, one connection after the other.
pub(crate) struct Upstream {
    listener: TcpListener,
}

/// A connection that a test reads and writes as bytes: as an upstream, or as a client.
///
/// Its peer may close it at any time. What is written after that is lost, as on a network; what is
/// read after that is the end of the connection.
pub(crate) struct Wire {
    stream: BufReader<Box<dyn Stream>>,
}

/// A connection, in the clear or through TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Upstream {
    pub(crate) async fn open() -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0).into()).await
    }

    pub(crate) async fn at(address: SocketAddr) -> Self {
        Self { listener: TcpListener::bind(address).await.unwrap() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// The configuration of a proxy in front of this server, with these settings of the resource
    /// and, after a slash, of its policy.
    pub(crate) fn behind(&self, settings: &str) -> String {
        let (resource, policy) = settings.split_once('/').unwrap_or((settings, ""));
        let address = self.address();
        format!(
            r#"
            [server]
            listen = "127.0.0.1:0"
            control = "127.0.0.1:0"
            [resource.api]
            http = "http://{address}"
            {resource}
            [resource.api.policy]
            {policy}
            [[route]]
            path = "/{{*rest}}"
            resource = "api"
            "#
        )
    }

    /// Waits for the next connection.
    pub(crate) async fn accept(&self) -> Wire {
        let accepted = timeout(HANG_TIMEOUT, self.listener.accept()).await.expect("a connection");
        let (stream, _) = accepted.unwrap();
        // Without it, an answer in several pieces would wait for acknowledgements.
        stream.set_nodelay(true).unwrap();
        Wire::new(stream)
    }

    /// Waits for the next connection and the head of its first request.
    pub(crate) async fn asked(&self) -> Wire {
        let mut wire = self.accept().await;
        wire.head().await;
        wire
    }

    /// Returns whether a connection waits to be accepted.
    pub(crate) async fn has_another(&self) -> bool {
        let mut accept = std::pin::pin!(self.listener.accept());
        std::future::poll_fn(|cx| std::task::Poll::Ready(accept.as_mut().poll(cx).is_ready())).await
    }
}

impl Wire {
    pub(crate) fn new(stream: impl Stream + 'static) -> Self {
        Self { stream: BufReader::new(Box::new(stream)) }
    }

    /// Does the handshake of TLS as a server; nothing has been read or written before.
    pub(crate) async fn over_tls(self, server: &TlsAcceptor) -> Self {
        let shaking = server.accept(self.into_stream());
        Self::new(timeout(HANG_TIMEOUT, shaking).await.expect("a handshake").unwrap())
    }

    pub(crate) fn into_stream(self) -> Box<dyn Stream> {
        self.stream.into_inner()
    }

    pub(crate) async fn to(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).await.unwrap())
    }

    /// Waits for the next head, up to and without its empty line; empty if the connection ends.
    pub(crate) async fn head(&mut self) -> String {
        let mut head = String::new();
        let reading = async {
            loop {
                let mut line = String::new();
                // A reset is an end too.
                let read = self.stream.read_line(&mut line).await;
                if read.is_err() || line.trim().is_empty() {
                    return;
                }
                head.push_str(&line);
            }
        };
        timeout(HANG_TIMEOUT, reading).await.expect("a head");
        head
    }

    /// Waits for so many bytes.
    pub(crate) async fn bytes(&mut self, count: usize) -> String {
        let mut bytes = vec![0; count];
        let reading = self.stream.read_exact(&mut bytes);
        timeout(HANG_TIMEOUT, reading).await.expect("so many bytes").unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// Reads what has arrived into `space`.
    pub(crate) async fn read(&mut self, space: &mut [u8]) -> usize {
        timeout(HANG_TIMEOUT, self.stream.read(space)).await.expect("bytes").unwrap()
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let writing = async {
            self.stream.write_all(bytes.as_ref()).await?;
            self.stream.flush().await
        };
        // An error is a peer that is gone.
        let _ = timeout(HANG_TIMEOUT, writing).await.expect("the bytes are written");
    }

    /// Writes however long the peer takes to read.
    pub(crate) async fn write_at_leisure(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Writes zeros until the peer closes the connection.
    pub(crate) async fn written_until_closed(mut self) {
        let writing = async { while self.stream.write_all(&[0; 64 * 1024]).await.is_ok() {} };
        timeout(HANG_TIMEOUT, writing).await.expect("an end");
    }

    /// Answers 200 with a body of known length.
    pub(crate) async fn answer(&mut self, body: &str) {
        let length = body.len();
        self.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")).await;
    }

    /// Waits until the peer has closed the connection; it must have sent nothing more.
    pub(crate) async fn closed(self) {
        assert_eq!(self.rest().await, "");
    }

    /// Waits until the peer has closed the connection; returns what it has sent before.
    pub(crate) async fn rest(mut self) -> String {
        let mut rest = Vec::new();
        // A reset is an end too.
        let _ = timeout(HANG_TIMEOUT, self.stream.read_to_end(&mut rest)).await.expect("an end");
        String::from_utf8_lossy(&rest).into_owned()
    }
}

/// Value of a field in a head.
pub(crate) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}
