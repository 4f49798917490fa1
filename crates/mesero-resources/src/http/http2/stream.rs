//! One request on a shared connection.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Reason, SendStream};
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, Uri, header};
use hyper::body::Body as _;

use super::stream_body::StreamBody;
use super::stream_load::StreamPermit;
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
    progress: Arc<UploadProgress>,
    // Dropped last: the permit is free when nothing uses the stream.
    _taken: StreamPermit,
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
    pub(super) fn new(sender: SendRequest<Bytes>, scheme: Scheme, taken: StreamPermit) -> Self {
        Self { sender, scheme, upload: None, progress: Arc::default(), _taken: taken }
    }

    pub(crate) fn progress(&self) -> Arc<UploadProgress> {
        Arc::clone(&self.progress)
    }

    /// Sends a request, and waits for the head of its response. Dropping the future leaves a stream
    /// that cannot be used again.
    pub(crate) async fn send(
        &mut self,
        request: Request<RequestBody>,
        first_byte_timeout: Option<Duration>,
    ) -> Result<Response<StreamBody>, SendError> {
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
        if !is_whole {
            self.upload = Some(Upload { body, stream, piece: Bytes::new() });
        }
        let mut response = pin!(response);
        std::future::poll_fn(|cx| {
            // A response counts, even if the request's body failed.
            let uploaded = self.poll_upload(cx);
            if let Poll::Ready(response) = response.as_mut().poll(cx) {
                return Poll::Ready(Ok(response?.map(StreamBody::new)));
            }
            if uploaded.is_err() {
                return Poll::Ready(Err(SendError::RequestBodyFailed));
            }
            first_byte.poll(cx).map(|after| Err(SendError::FirstByteTimeout { after }))
        })
        .await
    }

    /// Sends as much as flow control allows.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) {
        // The response has begun; its own end reports an error.
        let _ = self.poll_upload(cx);
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
