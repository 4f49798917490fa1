//! Bodies of responses: in memory, or streamed.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

pub type BoxError = Box<dyn Error + Send + Sync>;

/// A response's body. Dropping a streamed body ends its sender.
pub enum Body {
    /// All of it, in memory; costs no allocation.
    Full(Bytes),
    /// Pieces from a sender, as they arrive.
    Stream(Pin<Box<dyn hyper::body::Body<Data = Bytes, Error = BoxError> + Send>>),
    /// The sender failed; the error is reported once.
    Broken(Option<BoxError>),
}

impl Body {
    pub fn stream<B>(body: B) -> Self
    where
        B: hyper::body::Body<Data = Bytes, Error = BoxError> + Send + 'static,
    {
        Self::Stream(Box::pin(body))
    }

    /// The bytes of a body in memory; none of a streamed one.
    pub fn buffered(self) -> Bytes {
        match self {
            Self::Full(bytes) => bytes,
            Self::Stream(_) | Self::Broken(_) => Bytes::new(),
        }
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self::Full(bytes.into())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(bytes) => write!(formatter, "Full({} bytes)", bytes.len()),
            Self::Stream(_) => formatter.write_str("Stream"),
            Self::Broken(error) => write!(formatter, "Broken({error:?})"),
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let body = self.get_mut();
        match body {
            Self::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Stream(stream) => match ready!(stream.as_mut().poll_frame(cx)) {
                Some(Err(error)) => {
                    // Reported at the next poll, since an error makes hyper drop bytes that it has
                    // not yet sent. The sender's resources are released now.
                    *body = Self::Broken(Some(error));
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                frame => Poll::Ready(frame),
            },
            Self::Broken(error) => Poll::Ready(error.take().map(Err)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(bytes) => bytes.is_empty(),
            Self::Stream(stream) => stream.is_end_stream(),
            Self::Broken(error) => error.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(stream) => stream.size_hint(),
            Self::Broken(_) => SizeHint::default(),
        }
    }
}
