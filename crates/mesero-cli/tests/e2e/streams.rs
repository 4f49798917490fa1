//! An HTTP/2 server that a test plays with a library, whose behavior it has.
//!
//! A client may leave at any time: what is still to be sent to it is dropped.

use std::future::poll_fn;

use bytes::Bytes;
use h2::server::{self, SendResponse};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request};
use tokio::task::JoinSet;

use crate::upstream::Wire;

/// Window of a request's body: so little that a client has to wait for it.
const ROOM_BYTES: u32 = 10_000;

/// Serves one connection; `answer` answers each request.
pub(crate) async fn serve<F>(
    wire: Wire,
    answer: impl Fn(Request<RecvStream>, SendResponse<Bytes>) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let begun =
        server::Builder::new().initial_window_size(ROOM_BYTES).handshake(wire.into_stream());
    let Ok(mut connection) = begun.await else { return };
    let mut answers = JoinSet::new();
    while let Some(Ok((request, respond))) = connection.accept().await {
        answers.spawn(answer(request, respond));
    }
}

/// Answers with the request's own body, and trailers that say what the head said.
pub(crate) async fn echo(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let mut said = HeaderMap::new();
    for (name, value) in [
        ("x-version", format!("{:?}", request.version())),
        ("x-uri", request.uri().to_string()),
        ("x-length", format!("{:?}", request.headers().get("content-length"))),
        ("x-te", format!("{:?}", request.headers().get("te"))),
        ("x-host", format!("{:?}", request.headers().get("host"))),
    ] {
        said.insert(name, HeaderValue::from_str(&value).unwrap());
    }
    let mut head = http::Response::new(());
    *head.headers_mut() = said;
    head.headers_mut().insert("trailer", HeaderValue::from_static("x-last"));
    let Ok(mut answer) = respond.send_response(head, false) else { return };
    let mut body = request.into_body();
    while let Some(Ok(piece)) = body.data().await {
        let _ = body.flow_control().release_capacity(piece.len());
        if !send(&mut answer, piece).await {
            return;
        }
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("x-last", HeaderValue::from_static("said"));
    let _ = answer.send_trailers(trailers);
}

/// Sends bytes of a body as the window allows; false if the client has left.
pub(crate) async fn send(body: &mut SendStream<Bytes>, mut bytes: Bytes) -> bool {
    while !bytes.is_empty() {
        body.reserve_capacity(bytes.len());
        let Some(Ok(room)) = poll_fn(|cx| body.poll_capacity(cx)).await else { return false };
        if body.send_data(bytes.split_to(room.min(bytes.len())), false).is_err() {
            return false;
        }
    }
    true
}
