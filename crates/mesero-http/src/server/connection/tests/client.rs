//! A client that sends exact bytes.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub(super) struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct ReceivedResponse {
    pub(super) head: String,
    pub(super) body: String,
}

impl ReceivedResponse {
    pub(super) fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }

    pub(super) fn closes(&self) -> bool {
        self.head.to_ascii_lowercase().contains("\r\nconnection: close\r\n")
    }
}

impl Client {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, received: Vec::new() }
    }

    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    pub(super) async fn get(&mut self) -> ReceivedResponse {
        self.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        self.answer().await
    }

    /// The next answer, with the body that its Content-Length announces.
    pub(super) async fn answer(&mut self) -> ReceivedResponse {
        let head = self.head().await;
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        while self.received.len() < length {
            assert!(self.read().await > 0, "the body ends early");
        }
        let body = self.received.drain(..length).collect();
        ReceivedResponse { head, body: String::from_utf8(body).unwrap() }
    }

    /// The next answer's head alone.
    pub(super) async fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.received.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.received.drain(..end + 4).collect();
                return String::from_utf8(head).unwrap();
            }
            let read = self.read().await;
            assert!(read > 0, "no answer but {:?}", String::from_utf8_lossy(&self.received));
        }
    }

    /// Reads exactly these bytes next.
    pub(super) async fn expect(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        while self.received.len() < bytes.len() {
            assert!(self.read().await > 0, "the answer ends early");
        }
        let next: Vec<u8> = self.received.drain(..bytes.len()).collect();
        assert_eq!(String::from_utf8_lossy(&next), String::from_utf8_lossy(bytes));
    }

    /// Waits until the server closes, without a reset, and sends nothing before that.
    pub(super) async fn closed(&mut self) {
        assert_eq!(self.read().await, 0);
        assert_eq!(String::from_utf8_lossy(&self.received), "");
    }

    pub(super) async fn finish_sending(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }

    async fn read(&mut self) -> usize {
        self.stream.read_buf(&mut self.received).await.unwrap()
    }
}
