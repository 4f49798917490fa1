//! The test plays the HTTP server that requests are passed on to.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::harness::PATIENCE;

/// An HTTP server, one connection after the other.
pub(crate) struct Upstream {
    listener: TcpListener,
}

/// A connection whose other side is written and read as bytes: by an upstream, or by a client.
pub(crate) struct Wire {
    stream: BufReader<Box<dyn Stream>>,
}

/// A connection, in the clear or through TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Upstream {
    pub(crate) async fn open() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// A configuration that passes everything on to this server, with these settings of the
    /// resource and, after a slash, of its policy.
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
        let accepted = timeout(PATIENCE, self.listener.accept()).await.expect("a connection");
        let (stream, _) = accepted.unwrap();
        // An answer in several pieces waits for no acknowledgement.
        stream.set_nodelay(true).unwrap();
        Wire::new(stream)
    }

    /// Waits for the next connection and the head of its first request.
    pub(crate) async fn asked(&self) -> Wire {
        let mut wire = self.accept().await;
        wire.head().await;
        wire
    }

    /// Whether a connection waits to be accepted.
    pub(crate) async fn has_another(&self) -> bool {
        let mut accept = std::pin::pin!(self.listener.accept());
        std::future::poll_fn(|cx| std::task::Poll::Ready(accept.as_mut().poll(cx).is_ready())).await
    }
}

impl Wire {
    pub(crate) fn new(stream: impl Stream + 'static) -> Self {
        Self { stream: BufReader::new(Box::new(stream)) }
    }

    /// Shakes hands as this server; nothing was read or written before.
    pub(crate) async fn over_tls(self, server: &TlsAcceptor) -> Self {
        let shaking = server.accept(self.into_stream());
        Self::new(timeout(PATIENCE, shaking).await.expect("a handshake").unwrap())
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
                self.stream.read_line(&mut line).await.unwrap();
                if line.trim().is_empty() {
                    return;
                }
                head.push_str(&line);
            }
        };
        timeout(PATIENCE, reading).await.expect("a head");
        head
    }

    /// Waits for so many bytes.
    pub(crate) async fn bytes(&mut self, count: usize) -> String {
        let mut bytes = vec![0; count];
        let reading = self.stream.read_exact(&mut bytes);
        timeout(PATIENCE, reading).await.expect("so many bytes").unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// Reads what there is into `space`.
    pub(crate) async fn read(&mut self, space: &mut [u8]) -> usize {
        timeout(PATIENCE, self.stream.read(space)).await.expect("bytes").unwrap()
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let writing = self.stream.write_all(bytes.as_ref());
        timeout(PATIENCE, writing).await.expect("it is taken").unwrap();
        timeout(PATIENCE, self.stream.flush()).await.expect("it is taken").unwrap();
    }

    /// Writes however long the other side takes.
    pub(crate) async fn write_at_leisure(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Writes zeros for as long as the other side takes them and then waits until it closes.
    pub(crate) async fn written_until_closed(mut self) {
        let writing = async { while self.stream.write_all(&[0; 64 * 1024]).await.is_ok() {} };
        timeout(PATIENCE, writing).await.expect("an end");
    }

    /// Answers 200 with a body of known length.
    pub(crate) async fn answer(&mut self, body: &str) {
        let length = body.len();
        self.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")).await;
    }

    /// Waits until the other side has closed the connection, and has said nothing before.
    pub(crate) async fn closed(self) {
        assert_eq!(self.rest().await, "");
    }

    /// Waits until the other side has closed the connection; returns what it has said before.
    pub(crate) async fn rest(mut self) -> String {
        let mut rest = Vec::new();
        // An error is a reset, which is closed as well.
        let _ = timeout(PATIENCE, self.stream.read_to_end(&mut rest)).await.expect("an end");
        String::from_utf8_lossy(&rest).into_owned()
    }
}

/// The value of a field in a head.
pub(crate) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}
