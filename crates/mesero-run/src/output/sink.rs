//! An output with its own writing thread: a slow reader slows the run down, and signals and timers are still handled.

use std::io::{self, Write};
use std::thread;

use tokio::sync::{mpsc, oneshot};

/// Lines for an output. Dropping it makes the thread write what it received and end; buffered lines are lost.
#[derive(Debug)]
pub(crate) struct RecordSink {
    buffer: Vec<u8>,
    /// None after the sink was closed, or after an error.
    tx: Option<mpsc::Sender<Vec<u8>>>,
    result_rx: Option<oneshot::Receiver<io::Result<()>>>,
}

/// The size of the buffer from which on no line should be added before some of it is written.
const FULL_BYTES: usize = 64 * 1024;

impl RecordSink {
    /// Starts the thread that writes to `to`, and flushes after each buffer.
    pub(crate) fn start(mut to: impl Write + Send + 'static) -> io::Result<Self> {
        // One buffer is being written, and one waits.
        let (tx, mut rx) = mpsc::channel::<Vec<u8>>(1);
        let (result_tx, result_rx) = oneshot::channel();
        let write = move || {
            let mut write_all = || {
                while let Some(buffer) = rx.blocking_recv() {
                    to.write_all(&buffer)?;
                    to.flush()?;
                }
                Ok(())
            };
            // A dropped sink needs no result.
            let _ = result_tx.send(write_all());
        };
        thread::Builder::new().name("mesero-output".to_owned()).spawn(write)?;
        Ok(Self { buffer: Vec::new(), tx: Some(tx), result_rx: Some(result_rx) })
    }

    /// Adds a line to the buffer; after an error, does nothing.
    pub(crate) fn line(&mut self, text: &str) {
        if self.tx.is_some() {
            self.buffer.extend_from_slice(text.as_bytes());
            self.buffer.push(b'\n');
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.buffer.len() >= FULL_BYTES
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Sends the buffer to the thread, as soon as the thread can accept it. Dropping the future loses nothing: the
    /// lines stay in the buffer.
    ///
    /// # Errors
    /// If the thread failed to write an earlier buffer.
    pub(crate) async fn write_buffer(&mut self) -> io::Result<()> {
        let Some(tx) = &self.tx else { return Ok(()) };
        if let Ok(permit) = tx.reserve().await {
            permit.send(std::mem::take(&mut self.buffer));
            return Ok(());
        }
        self.buffer.clear();
        self.tx = None;
        self.thread_result().await
    }

    /// Writes all lines, and waits until the thread has ended. Dropping the future stops only the waiting: the thread
    /// still writes what it received.
    ///
    /// # Errors
    /// If writing failed.
    pub(crate) async fn close(&mut self) -> io::Result<()> {
        if !self.is_empty() {
            self.write_buffer().await?;
        }
        self.tx = None;
        self.thread_result().await
    }

    async fn thread_result(&mut self) -> io::Result<()> {
        match self.result_rx.take() {
            None => Ok(()),
            Some(result) => result.await.unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into())),
        }
    }
}
