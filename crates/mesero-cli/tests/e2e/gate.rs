//! A slow function that a test plays: it sees every call begin, and decides when it ends.

use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::harness::{HANG_TIMEOUT, Process};

/// Python functions that announce themselves at the gate and wait there.
pub(crate) const MODULE: &str = r#"
import asyncio, os, socket

PORT = int(os.environ["GATE"])

def gated(num):
    with socket.create_connection(("127.0.0.1", PORT)) as gate:
        gate.sendall(f"{os.getpid()} {num}\n".encode())
        gate.recv(1)
    return num

async def gated_async(num):
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    try:
        writer.write(f"{os.getpid()} {num}\n".encode())
        await reader.read(1)
    finally:
        writer.close()
    return num
"#;

/// Listener at which the functions of [`MODULE`] wait.
pub(crate) struct Gate {
    listener: TcpListener,
}

/// A call that has begun in Python; it ends when this is dropped.
pub(crate) struct Begun {
    pub(crate) pid: u32,
    /// The process that runs it.
    pub(crate) process: Arc<Process>,
    pub(crate) num: f64,
    stream: BufReader<TcpStream>,
}

impl Gate {
    pub(crate) async fn open() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// Waits for the next call to begin. A call that is interrupted before it has announced itself
    /// has not begun.
    pub(crate) async fn next(&self) -> Begun {
        timeout(HANG_TIMEOUT, self.announced()).await.expect("a call begins")
    }

    async fn announced(&self) -> Begun {
        loop {
            let (stream, _) = self.listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            let read = stream.read_line(&mut line).await;
            if let (Ok(_), Some((pid, num))) = (read, line.trim().split_once(' ')) {
                let (pid, num) = (pid.parse().unwrap(), num.parse().unwrap());
                return Begun { pid, process: Arc::new(Process::of(pid)), num, stream };
            }
        }
    }

    /// Waits until so many calls have begun.
    pub(crate) async fn take(&self, count: usize) -> Vec<Begun> {
        let mut begun = Vec::new();
        while begun.len() < count {
            begun.push(self.next().await);
        }
        begun
    }
}

impl Begun {
    /// Lets the call end.
    pub(crate) fn finish(self) {}

    /// Waits until the function is gone though the test has not let it end: canceled, or killed.
    pub(crate) async fn gone(mut self) {
        let mut rest = String::new();
        let reading = timeout(HANG_TIMEOUT, self.stream.read_line(&mut rest)).await;
        // A reset is an end too.
        let _ = reading.expect("the function is gone");
        assert_eq!(rest, "");
    }
}
