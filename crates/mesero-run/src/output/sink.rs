//! A place that results are written to, by a thread of its own: a slow reader slows the run down, and never stops it
//! from hearing a signal or a clock.

use std::io::{self, Write};
use std::thread;

use tokio::sync::{mpsc, oneshot};

/// Text on its way out.
#[derive(Debug)]
pub(crate) struct OutputSink {
    buffer: Vec<u8>,
    /// None once it is closed or broken.
    tx: Option<mpsc::Sender<Vec<u8>>>,
    /// How it ended.
    ended: Option<oneshot::Receiver<io::Result<()>>>,
}

/// From so many bytes on nothing more is put in before some of it has gone.
const FULL_BYTES: usize = 64 * 1024;

impl OutputSink {
    /// Writes to `to`, and flushes whenever nothing more is at hand.
    pub(crate) fn start(mut to: impl Write + Send + 'static) -> io::Result<Self> {
        // One batch is written, and one waits.
        let (tx, mut rx) = mpsc::channel::<Vec<u8>>(1);
        let (result_tx, ended) = oneshot::channel();
        let write = move || {
            let mut write_all = || {
                while let Some(batch) = rx.blocking_recv() {
                    to.write_all(&batch)?;
                    to.flush()?;
                }
                Ok(())
            };
            // Nobody may wait for the end any more.
            let _ = result_tx.send(write_all());
        };
        thread::Builder::new().name("mesero-output".to_owned()).spawn(write)?;
        Ok(Self { buffer: Vec::new(), tx: Some(tx), ended: Some(ended) })
    }

    /// Adds a line.
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

    /// Hands over what was added, once there is room for it. Dropping the future loses nothing.
    ///
    /// # Errors
    /// If it cannot be written any more.
    pub(crate) async fn write_buffer(&mut self) -> io::Result<()> {
        let Some(tx) = &self.tx else { return Ok(()) };
        if let Ok(room) = tx.reserve().await {
            room.send(std::mem::take(&mut self.buffer));
            return Ok(());
        }
        self.buffer.clear();
        self.tx = None;
        self.end().await
    }

    /// Writes what is left, and waits until it is written.
    ///
    /// # Errors
    /// If it cannot be.
    pub(crate) async fn close(&mut self) -> io::Result<()> {
        if !self.is_empty() {
            self.write_buffer().await?;
        }
        self.tx = None;
        self.end().await
    }

    async fn end(&mut self) -> io::Result<()> {
        match self.ended.take() {
            None => Ok(()),
            Some(ended) => ended.await.unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into())),
        }
    }
}
