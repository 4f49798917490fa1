//! The test plays an HTTP/2 server that does as the library does which it is made of.

use std::future::poll_fn;

use bytes::Bytes;
use h2::server::{self, SendResponse};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request};
use tokio::task::JoinSet;

use crate::upstream::Wire;

/// What may be under way of a request's body: so little that a client waits for room.
const ROOM_BYTES: u32 = 10_000;

/// Serves one connection: what each request is answered with, `answer` says.
pub(crate) async fn serve<F>(
    wire: Wire,
    answer: impl Fn(Request<RecvStream>, SendResponse<Bytes>) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let begun =
        server::Builder::new().initial_window_size(ROOM_BYTES).handshake(wire.into_stream());
    let mut connection = begun.await.unwrap();
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
    let mut answer = respond.send_response(head, false).unwrap();
    let mut body = request.into_body();
    while let Some(Ok(piece)) = body.data().await {
        body.flow_control().release_capacity(piece.len()).unwrap();
        if !send(&mut answer, piece).await {
            return;
        }
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("x-last", HeaderValue::from_static("said"));
    answer.send_trailers(trailers).unwrap();
}

/// Sends bytes of a body as there is room for them; false if they are not wanted any more.
pub(crate) async fn send(body: &mut SendStream<Bytes>, mut bytes: Bytes) -> bool {
    while !bytes.is_empty() {
        body.reserve_capacity(bytes.len());
        let Some(Ok(room)) = poll_fn(|cx| body.poll_capacity(cx)).await else { return false };
        body.send_data(bytes.split_to(room.min(bytes.len())), false).unwrap();
    }
    true
}
