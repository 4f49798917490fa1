//! One request on a shared connection.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, SendStream};
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Uri, header, response};
use hyper::body::{Body as _, SizeHint};
use tokio::time::timeout;

use super::stream_body::StreamBody;
use super::stream_load::StreamPermit;
use super::vitals::Vitals;
use crate::http::cut::{CUT_TIMEOUT, CutEnd};
use crate::http::progress::{AnswerState, FrameResult};
use crate::http::request_body::RequestBody;
use crate::http::send_error::SendError;
use crate::http::timeouts::{FirstByteTimeout, UploadProgress};

/// A stream for one request. Dropped before the end of the response, it resets the stream, and
/// leaves the connection's other streams alone.
#[derive(Debug)]
pub(crate) struct Http2Stream {
    sender: SendRequest<Bytes>,
    scheme: Scheme,
    /// None when the whole request is sent, or the upstream wants no more of it.
    upload: Option<Upload>,
    answer: StreamAnswer,
    progress: Arc<UploadProgress>,
    vitals: Arc<Vitals>,
    // Dropped last: the permit is free when nothing uses the stream.
    _taken: StreamPermit,
}

/// The answer to the request.
#[derive(Debug)]
enum StreamAnswer {
    /// It has ended, or nothing was sent, or nothing more can come.
    None,
    Awaited(ResponseFuture),
    Streaming(StreamBody),
    /// It cannot be read to its end, while the upstream may still work on it.
    Unreadable,
}

/// The body of a request that is being sent.
#[derive(Debug)]
struct Upload {
    body: RequestBody,
    stream: SendStream<Bytes>,
    /// A piece that waits for flow-control capacity.
    piece: Bytes,
}

impl Http2Stream {
    pub(super) fn new(
        sender: SendRequest<Bytes>,
        scheme: Scheme,
        vitals: Arc<Vitals>,
        taken: StreamPermit,
    ) -> Self {
        let (answer, progress) = (StreamAnswer::None, Arc::default());
        Self { sender, scheme, upload: None, answer, progress, vitals, _taken: taken }
    }

    pub(crate) fn progress(&self) -> Arc<UploadProgress> {
        Arc::clone(&self.progress)
    }

    /// Sends a request, and waits for the head of its response. Dropping the future leaves the
    /// request in flight.
    pub(crate) async fn send(
        &mut self,
        request: Request<RequestBody>,
        first_byte_timeout: Option<Duration>,
    ) -> Result<response::Parts, SendError> {
        // The connection may have ended since the stream was taken.
        if std::future::poll_fn(|cx| self.sender.poll_ready(cx)).await.is_err() {
            return Err(SendError::NotSent(Box::new(request)));
        }
        let (mut head, body) = request.into_parts();
        if let Some(bytes) = body.size_hint().exact().filter(|bytes| *bytes > 0) {
            head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
        }
        self.progress = body.progress();
        let mut first_byte = FirstByteTimeout::new(self.progress(), first_byte_timeout);
        let head = translated(head, self.scheme.clone()).map_err(SendError::NotTranslatable)?;
        let is_whole = body.is_end_stream();
        let (response, stream) = self.sender.send_request(head, is_whole)?;
        self.answer = StreamAnswer::Awaited(response);
        if !is_whole {
            self.upload = Some(Upload { body, stream, piece: Bytes::new() });
        }
        let vitals = Arc::clone(&self.vitals);
        let mut unresponsive = pin!(vitals.unresponsive());
        std::future::poll_fn(|cx| {
            if let Poll::Ready(head) = self.poll_head(cx) {
                return Poll::Ready(head);
            }
            if unresponsive.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(SendError::Unresponsive));
            }
            first_byte.poll(cx).map(|after| Err(SendError::FirstByteTimeout { after }))
        })
        .await
    }

    /// Sends more of the request, until the head of the response has arrived.
    pub(crate) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<response::Parts, SendError>> {
        // A response counts, even if the request's body failed.
        let uploaded = self.poll_upload(cx);
        let StreamAnswer::Awaited(response) = &mut self.answer else { return Poll::Pending };
        match Pin::new(response).poll(cx) {
            Poll::Ready(Ok(response)) => {
                self.vitals.record_answer();
                let (head, body) = response.into_parts();
                self.answer = match body.is_end_stream() {
                    true => StreamAnswer::None,
                    false => StreamAnswer::Streaming(StreamBody::new(body)),
                };
                Poll::Ready(Ok(head))
            }
            Poll::Ready(Err(error)) => {
                self.answer = after(&error);
                Poll::Ready(Err(error.into()))
            }
            Poll::Pending if uploaded.is_err() => {
                self.answer = StreamAnswer::Unreadable;
                Poll::Ready(Err(SendError::RequestBodyFailed))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Sends more of the request, until a piece of the response's body, or its end, has arrived.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<FrameResult> {
        let StreamAnswer::Streaming(body) = &mut self.answer else { return Poll::Ready(None) };
        let mut frame = Pin::new(body).poll_frame(cx);
        if frame.is_pending() {
            // The end of the response reports an error.
            let _ = self.poll_upload(cx);
            let StreamAnswer::Streaming(body) = &mut self.answer else { return Poll::Ready(None) };
            frame = Pin::new(body).poll_frame(cx);
        }
        let frame = ready!(frame);
        match &frame {
            Some(Ok(_)) if !self.is_end_stream() => {}
            Some(Ok(_)) | None => self.answer = StreamAnswer::None,
            Some(Err(error)) => self.answer = after(error),
        }
        Poll::Ready(frame.map(|frame| Ok(frame?)))
    }

    /// Returns true if no more of the body can arrive.
    pub(crate) fn is_end_stream(&self) -> bool {
        match &self.answer {
            StreamAnswer::Streaming(body) => body.is_end_stream(),
            _ => true,
        }
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        match &self.answer {
            StreamAnswer::Streaming(body) => body.size_hint(),
            _ => SizeHint::with_exact(0),
        }
    }

    pub(crate) fn answer_state(&self) -> AnswerState {
        match self.answer {
            StreamAnswer::None => AnswerState::Over,
            StreamAnswer::Awaited(_) => AnswerState::Awaited,
            StreamAnswer::Streaming(_) => AnswerState::Streaming,
            StreamAnswer::Unreadable => AnswerState::Unreadable,
        }
    }

    /// Stops reading the answer.
    pub(crate) fn give_up_answer(&mut self) {
        self.answer = StreamAnswer::Unreadable;
    }

    /// Records that the request was abandoned before its answer began. When that happens again and
    /// again, the connection is doubted.
    pub(crate) fn record_timeout(&self) {
        self.vitals.record_timeout();
    }

    /// Resets the stream, and waits until the upstream has received that, for a second. Dropping
    /// the future leaves the stream reset.
    pub(crate) async fn cut(&mut self) -> CutEnd {
        self.reset();
        // A ping can overtake the reset in the connection's own buffer, but not a second one.
        let confirmed = async {
            self.vitals.round_trip().await;
            self.vitals.round_trip().await;
        };
        tokio::select! {
            confirmed = timeout(CUT_TIMEOUT, confirmed) => match confirmed {
                Ok(()) => CutEnd::Ended,
                Err(_) => CutEnd::Unconfirmed,
            },
            () = self.vitals.closed() => CutEnd::Ended,
        }
    }

    /// Resets the stream.
    pub(crate) fn reset(&mut self) {
        // The library resets it when nothing refers to it.
        (self.answer, self.upload) = (StreamAnswer::None, None);
    }

    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Result<(), RequestBodyFailed> {
        let Some(upload) = &mut self.upload else { return Ok(()) };
        match upload.poll(cx) {
            Poll::Pending => Ok(()),
            Poll::Ready(result) => {
                self.upload = None;
                result
            }
        }
    }
}

/// Returns the state of an answer after an error: a stream that the upstream has reset, or whose
/// connection has ended, is over.
fn after(error: &h2::Error) -> StreamAnswer {
    if error.is_remote() || error.is_io() || error.is_go_away() {
        StreamAnswer::None
    } else {
        StreamAnswer::Unreadable
    }
}

/// The client's side of the request's body failed.
struct RequestBodyFailed;

impl Upload {
    /// Ready when the body is sent, or the upstream wants no more of it.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RequestBodyFailed>> {
        let Self { body, stream, piece } = self;
        loop {
            if piece.is_empty() {
                // The reason arrives with the response, or instead of it.
                if stream.poll_reset(cx).is_ready() {
                    return Poll::Ready(Ok(()));
                }
                let sent = match ready!(Pin::new(&mut *body).poll_frame(cx)) {
                    None => stream.send_data(Bytes::new(), true),
                    Some(Err(_)) => {
                        stream.send_reset(Reason::CANCEL);
                        return Poll::Ready(Err(RequestBodyFailed));
                    }
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) => {
                            *piece = data;
                            continue;
                        }
                        Err(frame) => {
                            stream.send_trailers(frame.into_trailers().unwrap_or_default())
                        }
                    },
                };
                // It fails if the upstream wants no more of it.
                drop(sent);
                return Poll::Ready(Ok(()));
            }
            stream.reserve_capacity(piece.len());
            let room = stream.capacity();
            if room == 0 {
                match ready!(stream.poll_capacity(cx)) {
                    Some(Ok(_)) => continue,
                    Some(Err(_)) | None => return Poll::Ready(Ok(())),
                }
            }
            let part = piece.split_to(room.min(piece.len()));
            let is_last = piece.is_empty() && body.is_end_stream();
            if stream.send_data(part, is_last).is_err() || is_last {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// Returns a request's head as in HTTP/2: the host is beside the path (RFC 9113, 8.3.1).
fn translated(mut head: http::request::Parts, scheme: Scheme) -> Result<Request<()>, http::Error> {
    let host = head.headers.remove(header::HOST);
    let authority = Authority::try_from(host.as_ref().map_or(&b""[..], |host| host.as_bytes()))?;
    let mut uri = head.uri.into_parts();
    uri.scheme = Some(scheme);
    uri.authority = Some(authority);
    let mut request = Request::new(());
    *request.method_mut() = head.method;
    *request.uri_mut() = Uri::from_parts(uri)?;
    *request.version_mut() = http::Version::HTTP_2;
    *request.headers_mut() = head.headers;
    Ok(request)
}
