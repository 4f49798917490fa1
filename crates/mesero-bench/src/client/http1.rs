//! HTTP/1.1: a connection for each client, one request after the other.

use std::future::poll_fn;
use std::io;
use std::mem::{self, MaybeUninit};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use mesero_http::socket::MaybeTlsStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::client::endpoint::Endpoint;
use crate::client::response::ResponseReader;
use crate::stats::outcome::{Fault, FaultKind, ResponseSummary};

/// Ten times a usual response; a large one needs few calls.
const READ_BYTES: usize = 16 * 1_024;

/// One client. Dropped, it closes its connection.
#[derive(Debug)]
pub(crate) struct Http1Client {
    target: Arc<Endpoint>,
    request: Bytes,
    /// The open connection, after a response that allows another request.
    idle: Option<MaybeTlsStream>,
}

impl Http1Client {
    /// A client that sends this encoded request.
    pub(crate) fn new(target: Arc<Endpoint>, request: Bytes) -> Self {
        Self { target, request, idle: None }
    }

    /// Sends the request, and waits for the whole response. Dropped before, it closes the connection.
    pub(crate) async fn exchange(&mut self) -> Result<ResponseSummary, Fault> {
        if let Some(socket) = self.idle.take() {
            match self.exchange_over(socket).await {
                // The server had closed the idle connection, and has not processed this request.
                Err(fault) if fault.kind == FaultKind::Closed && self.may_resend() => {}
                result => return result,
            }
        }
        let socket = self.target.connect().await?;
        self.exchange_over(socket).await
    }

    async fn exchange_over(&mut self, socket: MaybeTlsStream) -> Result<ResponseSummary, Fault> {
        let reader = ResponseReader::to(&self.target.method);
        let mut exchange = Http1Exchange {
            socket,
            reader,
            unsent: &self.request,
            is_flushed: false,
            send_error: None,
        };
        let answer = poll_fn(|cx| exchange.poll(cx)).await?;
        if answer.keeps_alive
            && exchange.unsent.is_empty()
            && !self.target.new_connection_per_request
        {
            self.idle = Some(exchange.socket);
        }
        Ok(answer)
    }

    fn may_resend(&self) -> bool {
        self.target.method.is_idempotent()
    }
}

/// A request on its way, and its response.
struct Http1Exchange<'a> {
    socket: MaybeTlsStream,
    reader: ResponseReader,
    unsent: &'a [u8],
    /// TLS may buffer what was written.
    is_flushed: bool,
    /// Why the rest of the request could not be sent; a response may arrive nevertheless.
    send_error: Option<io::Error>,
}

impl Http1Exchange<'_> {
    /// Sends and receives concurrently, since a server may respond before it has read the whole request.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<ResponseSummary, Fault>> {
        self.poll_send(cx);
        self.poll_receive(cx)
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) {
        while !self.unsent.is_empty() && self.send_error.is_none() {
            match Pin::new(&mut self.socket).poll_write(cx, self.unsent) {
                Poll::Ready(Ok(0)) => self.send_error = Some(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(sent)) => self.unsent = &self.unsent[sent..],
                Poll::Ready(Err(error)) => self.send_error = Some(error),
                Poll::Pending => return,
            }
        }
        if !self.is_flushed {
            // An error is reported again by the next read.
            self.is_flushed = Pin::new(&mut self.socket).poll_flush(cx).is_ready();
        }
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<ResponseSummary, Fault>> {
        loop {
            let mut space = [const { MaybeUninit::uninit() }; READ_BYTES];
            let mut chunk = ReadBuf::uninit(&mut space);
            let read = ready!(Pin::new(&mut self.socket).poll_read(cx, &mut chunk));
            let fault = match read {
                Ok(()) if chunk.filled().is_empty() => match self.reader.end() {
                    Some(answer) => return Poll::Ready(Ok(answer)),
                    None => self.ended("it closed the connection"),
                },
                Ok(()) => match self.reader.feed(chunk.filled()) {
                    Ok(Some(answer)) => return Poll::Ready(Ok(answer)),
                    Ok(None) => continue,
                    Err(garbage) => {
                        let why = format_args!("it answered with {}", garbage.0);
                        Fault::new(FaultKind::Garbage, why)
                    }
                },
                Err(error) => self.ended(&error.to_string()),
            };
            return Poll::Ready(Err(fault));
        }
    }

    /// The fault of a connection that ended before the response did.
    fn ended(&mut self, why: &str) -> Fault {
        let kind =
            if self.reader.has_partial_response() { FaultKind::CutOff } else { FaultKind::Closed };
        match mem::take(&mut self.send_error) {
            Some(error) => Fault::new(kind, format_args!("{why}, and took no more: {error}")),
            None => Fault::new(kind, why),
        }
    }
}
