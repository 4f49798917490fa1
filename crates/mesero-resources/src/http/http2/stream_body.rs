//! The body of an answer on a shared connection.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use hyper::body::{Body, Frame, SizeHint};

/// A body that lets the upstream send more as it is taken. A stream that is reset without an error after the end of its
/// answer, as the rest of the request is not wanted (RFC 9113, 8.1), has the whole answer: the library tells it from one
/// that is reset in the middle.
#[derive(Debug)]
pub(crate) struct StreamBody {
    stream: RecvStream,
    /// Only trailers can come.
    data_ended: bool,
}

impl StreamBody {
    pub(super) fn new(stream: RecvStream) -> Self {
        Self { stream, data_ended: false }
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let Self { stream, data_ended } = self.get_mut();
        if !*data_ended {
            match ready!(stream.poll_data(cx)) {
                Some(Ok(data)) => {
                    stream.flow_control().release_capacity(data.len())?;
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => *data_ended = true,
            }
        }
        match ready!(stream.poll_trailers(cx)) {
            Ok(trailers) => Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers)))),
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // The head says how much it is; it is not known here.
        SizeHint::default()
    }
}
