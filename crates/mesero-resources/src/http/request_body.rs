//! Request bodies sent to the upstream.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use mesero_http::payload::Payload;

use super::timeouts::UploadProgress;

/// A request's body, which records its progress.
pub(super) struct RequestBody {
    source: BodySource,
    progress: Arc<UploadProgress>,
}

enum BodySource {
    Whole(Bytes),
    Streaming(Incoming),
}

impl RequestBody {
    /// Returns the body of a request; none if a streamed body was taken before.
    pub(super) fn of(payload: &Payload) -> Option<Self> {
        let source = match payload {
            Payload::Whole(bytes) => BodySource::Whole(bytes.clone()),
            // Bodies are stored for WSGI applications only.
            Payload::Stored(_) => return None,
            Payload::Streaming(_) => BodySource::Streaming(payload.take_stream()?),
        };
        let outgoing = Self { source, progress: Arc::default() };
        outgoing.record_if_ended();
        Some(outgoing)
    }

    pub(super) fn progress(&self) -> Arc<UploadProgress> {
        Arc::clone(&self.progress)
    }

    fn record_if_ended(&self) {
        if hyper::body::Body::is_end_stream(self) {
            self.progress.record_end();
        }
    }
}

impl hyper::body::Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = match &mut self.source {
            BodySource::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            BodySource::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            BodySource::Streaming(body) => Pin::new(body).poll_frame(cx),
        };
        match &polled {
            Poll::Pending => {}
            Poll::Ready(None) => self.progress.record_end(),
            Poll::Ready(Some(_)) => {
                self.progress.record_piece();
                self.record_if_ended();
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            BodySource::Whole(bytes) => bytes.is_empty(),
            BodySource::Streaming(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            BodySource::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            BodySource::Streaming(body) => body.size_hint(),
        }
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            BodySource::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            BodySource::Streaming(_) => f.write_str("Streaming"),
        }
    }
}
