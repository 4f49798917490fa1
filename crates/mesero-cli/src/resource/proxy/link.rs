//! A connection to the upstream, and one request on it at a time.

use std::error::Error;
use std::fmt;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::clocks::{FirstByte, Progress};
use super::outgoing::Outgoing;
use super::socket::Socket;

/// What an answer's head, and what one piece of its body, may take in memory.
const BUFFER_BYTES: usize = 64 * 1024;

/// A connection to the upstream, driven by whoever waits for something on it.
#[derive(Debug)]
pub(super) struct Link {
    sender: http1::SendRequest<Outgoing>,
    /// None once it has ended.
    connection: Option<http1::Connection<TokioIo<Socket>, Outgoing>>,
    /// Of the request that was sent last.
    progress: Arc<Progress>,
}

/// Why a request got no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// Nothing of it was sent, and here it is again.
    HandedBack(Box<Request<Outgoing>>),
    /// The connection broke before the head of the answer was there.
    Broken(hyper::Error),
    /// The answer had not begun in time.
    TooLate { after: Duration },
}

impl Link {
    pub(super) async fn over(socket: Socket) -> hyper::Result<Self> {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(BUFFER_BYTES);
        let (sender, connection) = builder.handshake(TokioIo::new(socket)).await?;
        Ok(Self { sender, connection: Some(connection), progress: Arc::default() })
    }

    /// Sends a request, and waits for the head of its answer. Dropping the future leaves a link
    /// that cannot be used again.
    pub(super) async fn send(
        &mut self,
        request: Request<Outgoing>,
        first_byte_timeout: Option<Duration>,
    ) -> Result<Response<Incoming>, Unanswered> {
        self.progress = request.body().progress();
        let mut first_byte = FirstByte::new(self.progress(), first_byte_timeout);
        let Self { sender, connection, .. } = self;
        let mut response = pin!(sender.try_send_request(request));
        std::future::poll_fn(|cx| {
            drive(connection, cx);
            if let Poll::Ready(response) = response.as_mut().poll(cx) {
                return Poll::Ready(response.map_err(|mut error| match error.take_message() {
                    Some(request) => Unanswered::HandedBack(Box::new(request)),
                    None => Unanswered::Broken(error.into_error()),
                }));
            }
            first_byte.poll(cx).map(|after| Err(Unanswered::TooLate { after }))
        })
        .await
    }

    /// How far the request is that was sent last.
    pub(super) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Lets the connection do what it can: write the rest of a request, read more of an answer.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        drive(&mut self.connection, cx);
    }

    /// Sees where the connection stands, whatever else the task has done in its turn: without a
    /// budget, a connection that has ended could seem to be open, and one that is idle busy.
    pub(super) fn look(&mut self, cx: &mut Context<'_>) {
        let look = std::future::poll_fn(|cx| {
            drive(&mut self.connection, cx);
            Poll::Ready(())
        });
        let _ = pin!(tokio::task::unconstrained(look)).poll(cx);
    }

    /// Whether the connection is open and waits for a request, as far as the last look saw.
    pub(super) fn is_idle(&self) -> bool {
        self.connection.is_some() && self.sender.is_ready()
    }
}

fn drive(
    connection: &mut Option<http1::Connection<TokioIo<Socket>, Outgoing>>,
    cx: &mut Context<'_>,
) {
    if let Some(open) = connection
        && Pin::new(open).poll(cx).is_ready()
    {
        // Whoever waits for an answer, or for more of its body, hears why from there.
        *connection = None;
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unanswered::HandedBack(_) => {
                f.write_str("the upstream closed the connection before the request was sent")
            }
            Unanswered::Broken(error) if error.is_incomplete_message() => {
                f.write_str("the upstream closed the connection before it answered")
            }
            Unanswered::Broken(error) if error.is_parse() => {
                write!(f, "the upstream's answer is not HTTP/1.1: {error}")
            }
            Unanswered::Broken(error) if error.is_user() => {
                f.write_str("the request's body broke off")
            }
            Unanswered::Broken(error) => match error.source() {
                Some(source) => write!(f, "the connection to the upstream broke: {source}"),
                None => write!(f, "the connection to the upstream broke: {error}"),
            },
            Unanswered::TooLate { after } => {
                write!(f, "the upstream had not begun to answer {after:?} after the request")
            }
        }
    }
}
