//! HTTP/1.1: connections that belong to one seat, for one request at a time.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, Request, Response, header};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use mesero_http::socket::MaybeTlsStream;

use super::request_body::RequestBody;
use super::send_error::SendError;
use super::timeouts::{FirstByteTimeout, UploadProgress};

/// Largest head of a response, and largest buffer for its body.
const BUFFER_BYTES: usize = 64 * 1024;

/// A connection to the upstream, driven by the task that awaits its response.
#[derive(Debug)]
pub(super) struct Http1Connection {
    sender: http1::SendRequest<RequestBody>,
    /// None once it has ended.
    connection: Option<http1::Connection<TokioIo<MaybeTlsStream>, RequestBody>>,
    /// Progress of the last request's body.
    progress: Arc<UploadProgress>,
}

impl Http1Connection {
    /// Starts HTTP/1.1 over a new connection. Dropping the future closes the connection.
    pub(super) async fn over(socket: MaybeTlsStream) -> hyper::Result<Self> {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(BUFFER_BYTES);
        let (sender, connection) = builder.handshake(TokioIo::new(socket)).await?;
        Ok(Self { sender, connection: Some(connection), progress: Arc::default() })
    }

    /// Sends a request, and waits for the head of its response. Dropping the future leaves a
    /// connection that cannot be used again.
    pub(super) async fn send(
        &mut self,
        mut request: Request<RequestBody>,
        first_byte_timeout: Option<Duration>,
    ) -> Result<Response<Incoming>, SendError> {
        frame(&mut request);
        self.progress = request.body().progress();
        let mut first_byte = FirstByteTimeout::new(self.progress(), first_byte_timeout);
        let Self { sender, connection, .. } = self;
        let mut response = pin!(sender.try_send_request(request));
        std::future::poll_fn(|cx| {
            drive(connection, cx);
            if let Poll::Ready(response) = response.as_mut().poll(cx) {
                return Poll::Ready(response.map_err(|mut error| match error.take_message() {
                    Some(request) => SendError::NotSent(Box::new(request)),
                    None => SendError::ConnectionBroken(error.into_error()),
                }));
            }
            first_byte.poll(cx).map(|after| Err(SendError::FirstByteTimeout { after }))
        })
        .await
    }

    /// Returns the progress of the last request's body.
    pub(super) fn progress(&self) -> Arc<UploadProgress> {
        Arc::clone(&self.progress)
    }

    /// Drives the connection: writes the rest of a request, reads more of a response.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        drive(&mut self.connection, cx);
    }

    /// Updates the connection's state, outside of the task's cooperative budget: without budget, a
    /// closed connection would seem open, and an idle one busy.
    pub(super) fn refresh(&mut self, cx: &mut Context<'_>) {
        let look = std::future::poll_fn(|cx| {
            drive(&mut self.connection, cx);
            Poll::Ready(())
        });
        let _ = pin!(tokio::task::unconstrained(look)).poll(cx);
    }

    /// Returns true if the connection was open and idle at the last update.
    pub(super) fn is_idle(&self) -> bool {
        self.connection.is_some() && self.sender.is_ready()
    }
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

fn drive(
    connection: &mut Option<http1::Connection<TokioIo<MaybeTlsStream>, RequestBody>>,
    cx: &mut Context<'_>,
) {
    if let Some(open) = connection
        && Pin::new(open).poll(cx).is_ready()
    {
        // The awaiting task receives the error from the response.
        *connection = None;
    }
}
