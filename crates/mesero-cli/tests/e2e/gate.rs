//! The test plays the slow function: it sees every call begin, and says when it ends.

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::harness::PATIENCE;

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

/// Where the functions of [`MODULE`] wait.
pub(crate) struct Gate {
    listener: TcpListener,
}

/// A call that has begun in Python; it ends when this is dropped.
pub(crate) struct Begun {
    pub(crate) pid: u32,
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

    /// Waits for the next call to begin. One that is interrupted before it can say so has not.
    pub(crate) async fn next(&self) -> Begun {
        loop {
            let accepted = timeout(PATIENCE, self.listener.accept()).await;
            let (stream, _) = accepted.expect("a call begins").unwrap();
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            let said = stream.read_line(&mut line).await;
            if let (Ok(_), Some((pid, num))) = (said, line.trim().split_once(' ')) {
                return Begun { pid: pid.parse().unwrap(), num: num.parse().unwrap(), stream };
            }
        }
    }

    /// Waits for so many calls to have begun.
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

    /// Waits until the function is gone without having been let go: cancelled, or killed.
    pub(crate) async fn gone(mut self) {
        let mut rest = String::new();
        // An error is a reset, which is gone as well.
        let _ = self.stream.read_line(&mut rest).await;
        assert_eq!(rest, "");
    }
}
