//! HTTP/1.1: connections that belong to one seat, for one request at a time.

use std::error::Error as _;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header, response};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use mesero_http::socket::MaybeTlsStream;

use super::cut::{self, CutEnd};
use super::progress::{AnswerState, FrameResult};
use super::request_body::RequestBody;
use super::send_error::SendError;
use super::timeouts::{FirstByteTimeout, UploadProgress};
use super::upload_socket::{UploadSize, UploadSocket};

/// Largest head of a response, and largest buffer for its body.
const BUFFER_BYTES: usize = 64 * 1024;

/// A connection to the upstream, driven by the task that awaits its response.
#[derive(Debug)]
pub(super) struct Http1Connection {
    sender: http1::SendRequest<RequestBody>,
    link: Link,
    uploads: UploadSize,
    answer: ConnectionAnswer,
    /// Progress of the last request's body.
    progress: Arc<UploadProgress>,
}

/// The connection's socket, with or without the protocol that uses it.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "connections are on the heap as a whole")]
enum Link {
    Open(http1::Connection<TokioIo<UploadSocket>, RequestBody>),
    /// The protocol has ended.
    Ended {
        socket: MaybeTlsStream,
        /// True if the upstream has sent a part of a head.
        has_unread: bool,
    },
    /// It was closed.
    Closed,
}

/// The answer to the last request.
enum ConnectionAnswer {
    /// It has ended, or there was no request, or nothing more can come.
    None,
    Awaited(Pin<Box<HeadFuture>>),
    Streaming(Incoming),
    /// It cannot be read to its end, while the upstream may still work on it.
    Unreadable,
}

type HeadFuture =
    dyn Future<Output = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>> + Send;

impl Http1Connection {
    /// Starts HTTP/1.1 over a new connection. Dropping the future closes the connection.
    pub(super) async fn over(socket: MaybeTlsStream) -> hyper::Result<Self> {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(BUFFER_BYTES);
        let uploads = UploadSize::default();
        let socket = UploadSocket::new(socket, uploads.clone());
        let (sender, connection) = builder.handshake(TokioIo::new(socket)).await?;
        let (link, answer) = (Link::Open(connection), ConnectionAnswer::None);
        Ok(Self { sender, link, uploads, answer, progress: Arc::default() })
    }

    /// Sends a request, and waits for the head of its response. Dropping the future leaves the
    /// request in flight.
    pub(super) async fn send(
        &mut self,
        mut request: Request<RequestBody>,
        first_byte_timeout: Option<Duration>,
    ) -> Result<response::Parts, SendError> {
        frame(&mut request);
        self.uploads.announce(request.body().size_hint().exact());
        self.progress = request.body().progress();
        let mut first_byte = FirstByteTimeout::new(self.progress(), first_byte_timeout);
        self.answer = ConnectionAnswer::Awaited(Box::pin(self.sender.try_send_request(request)));
        std::future::poll_fn(|cx| {
            if let Poll::Ready(head) = self.poll_head(cx) {
                return Poll::Ready(head);
            }
            first_byte.poll(cx).map(|after| Err(SendError::FirstByteTimeout { after }))
        })
        .await
    }

    /// Drives the connection until the head of the response has arrived.
    pub(super) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<response::Parts, SendError>> {
        self.drive(cx);
        let ConnectionAnswer::Awaited(response) = &mut self.answer else { return Poll::Pending };
        match ready!(response.as_mut().poll(cx)) {
            Ok(response) => {
                let (head, body) = response.into_parts();
                self.answer = match body.is_end_stream() {
                    true => ConnectionAnswer::None,
                    false => ConnectionAnswer::Streaming(body),
                };
                Poll::Ready(Ok(head))
            }
            Err(mut error) => {
                let unsent = error.take_message();
                let error = error.into_error();
                let is_dead = unsent.is_some() || is_dead(&error);
                self.answer =
                    if is_dead { ConnectionAnswer::None } else { ConnectionAnswer::Unreadable };
                let is_silent = matches!(self.link, Link::Ended { has_unread: false, .. });
                Poll::Ready(Err(match unsent {
                    Some(request) => SendError::NotSent(Box::new(request)),
                    None if is_dead && is_silent => SendError::ConnectionDead(error),
                    None => SendError::ConnectionBroken(error),
                }))
            }
        }
    }

    /// Drives the connection until a piece of the response's body, or its end, has arrived.
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<FrameResult> {
        let ConnectionAnswer::Streaming(body) = &mut self.answer else { return Poll::Ready(None) };
        let mut frame = Pin::new(body).poll_frame(cx);
        if frame.is_pending() {
            self.drive(cx);
            let ConnectionAnswer::Streaming(body) = &mut self.answer else {
                return Poll::Ready(None);
            };
            frame = Pin::new(body).poll_frame(cx);
        }
        let frame = ready!(frame);
        match &frame {
            // After its last piece, a body of known length may not be polled again.
            Some(Ok(_)) if !self.is_end_stream() => {}
            Some(Ok(_)) | None => self.answer = ConnectionAnswer::None,
            Some(Err(error)) if is_dead(error) => self.answer = ConnectionAnswer::None,
            Some(Err(_)) => self.answer = ConnectionAnswer::Unreadable,
        }
        Poll::Ready(frame.map(|frame: hyper::Result<Frame<Bytes>>| Ok(frame?)))
    }

    /// Returns true if no more of the body can arrive.
    pub(super) fn is_end_stream(&self) -> bool {
        match &self.answer {
            ConnectionAnswer::Streaming(body) => body.is_end_stream(),
            _ => true,
        }
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match &self.answer {
            ConnectionAnswer::Streaming(body) => body.size_hint(),
            _ => SizeHint::with_exact(0),
        }
    }

    /// Stops reading the answer.
    pub(super) fn give_up_answer(&mut self) {
        self.answer = ConnectionAnswer::Unreadable;
    }

    pub(super) fn answer_state(&self) -> AnswerState {
        match self.answer {
            ConnectionAnswer::None => AnswerState::Over,
            ConnectionAnswer::Awaited(_) => AnswerState::Awaited,
            ConnectionAnswer::Streaming(_) => AnswerState::Streaming,
            ConnectionAnswer::Unreadable => AnswerState::Unreadable,
        }
    }

    /// Returns the progress of the last request's body.
    pub(super) fn progress(&self) -> Arc<UploadProgress> {
        Arc::clone(&self.progress)
    }

    /// Updates the connection's state, outside of the task's cooperative budget: without budget, a
    /// closed connection would seem open, and an idle one busy.
    pub(super) fn refresh(&mut self, cx: &mut Context<'_>) {
        let look = std::future::poll_fn(|cx| {
            self.drive(cx);
            Poll::Ready(())
        });
        let _ = pin!(tokio::task::unconstrained(look)).poll(cx);
    }

    /// Returns true if the connection was open and idle at the last update.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.link, Link::Open(_)) && self.sender.is_ready()
    }

    /// Cuts the exchange off: closes the sending side, then reads until the upstream has closed
    /// its own; after a second it is reset. Dropping the future closes the connection.
    pub(super) async fn cut(&mut self) -> CutEnd {
        self.answer = ConnectionAnswer::None;
        match self.take_socket() {
            Some(socket) => cut::half_close(socket).await,
            None => CutEnd::Ended,
        }
    }

    /// Resets the connection, so that an upstream that sends more notices it.
    pub(super) fn reset(&mut self) {
        self.answer = ConnectionAnswer::None;
        if let Some(socket) = self.take_socket() {
            socket.reset();
        }
    }

    fn take_socket(&mut self) -> Option<MaybeTlsStream> {
        match std::mem::replace(&mut self.link, Link::Closed) {
            Link::Open(connection) => Some(connection.into_parts().io.into_inner().into_inner()),
            Link::Ended { socket, .. } => Some(socket),
            Link::Closed => None,
        }
    }

    fn drive(&mut self, cx: &mut Context<'_>) {
        let Link::Open(connection) = &mut self.link else { return };
        // The awaiting task receives an error from the response.
        if Pin::new(connection).poll(cx).is_ready()
            && let Link::Open(connection) = std::mem::replace(&mut self.link, Link::Closed)
        {
            let parts = connection.into_parts();
            let socket = parts.io.into_inner().into_inner();
            self.link = Link::Ended { socket, has_unread: !parts.read_buf.is_empty() };
        }
    }
}

impl std::fmt::Debug for ConnectionAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ConnectionAnswer::None => "None",
            ConnectionAnswer::Awaited(_) => "Awaited",
            ConnectionAnswer::Streaming(_) => "Streaming",
            ConnectionAnswer::Unreadable => "Unreadable",
        })
    }
}

/// Returns true if the error is the end of the connection, and not something that the upstream
/// has sent or that the request's body did.
fn is_dead(error: &hyper::Error) -> bool {
    let wrong = [io::ErrorKind::InvalidData, io::ErrorKind::InvalidInput];
    let io_error = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    error.is_incomplete_message() || io_error.is_some_and(|error| !wrong.contains(&error.kind()))
}

/// Adds the fields that frame the body, and those for the next hop alone.
fn frame(request: &mut Request<RequestBody>) {
    // Set explicitly: for a GET with a body, hyper would otherwise send the head alone.
    match request.body().size_hint().exact() {
        Some(0) => {}
        Some(bytes) => {
            request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
        }
        None => {
            let chunked = HeaderValue::from_static("chunked");
            request.headers_mut().insert(header::TRANSFER_ENCODING, chunked);
        }
    }
    if request.headers().contains_key(header::TE) {
        request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("TE"));
    }
}
