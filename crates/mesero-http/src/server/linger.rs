//! The end of a connection whose client may still be sending.

use std::{
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// Time and bytes for which the socket is still read after an early end, so that no reset overtakes the response.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 4 * 1_024 * 1_024;

/// Reads and discards bytes until the client closes, for a bounded time.
#[derive(Debug)]
pub(crate) struct Linger {
    left: usize,
    until: Pin<Box<Sleep>>,
}

impl Linger {
    pub(crate) fn new() -> Self {
        Self { left: LINGER_BYTES, until: Box::pin(sleep(LINGER)) }
    }

    /// Ready when the client has closed or the bounds are reached.
    pub(crate) fn poll(&mut self, stream: &mut TcpStream, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [MaybeUninit::uninit(); 4 * 1_024];
        while self.left > 0 {
            let mut chunk = ReadBuf::uninit(&mut space);
            match Pin::new(&mut *stream).poll_read(cx, &mut chunk) {
                Poll::Ready(Ok(())) if !chunk.filled().is_empty() => {
                    self.left = self.left.saturating_sub(chunk.filled().len());
                }
                Poll::Ready(_) => break,
                Poll::Pending => {
                    ready!(self.until.as_mut().poll(cx));
                    break;
                }
            }
        }
        Poll::Ready(())
    }
}
