//! Hyper's own server on a stream, without the framing in front of it.

use std::{cell::Cell, convert::Infallible, rc::Rc};

use ::hyper::{body::Incoming, server::conn::http1, service::service_fn};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::body::Body;

#[derive(Debug, Default)]
pub(super) struct Served {
    /// Requests that reached the handler.
    pub(super) begun: u64,
    /// Requests whose body hyper found malformed; a body that is cut short is not.
    pub(super) broken: u64,
    /// Answers that hyper gave by itself.
    pub(super) refused: usize,
}

/// Serves `stream` to its end, answering every request.
pub(super) fn serve(stream: &[u8]) -> Served {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let begun = Rc::new(Cell::new(0));
    let broken = Rc::new(Cell::new(0));
    let service = service_fn(|request: Request<Incoming>| {
        let begun = Rc::clone(&begun);
        let broken = Rc::clone(&broken);
        async move {
            begun.set(begun.get() + 1);
            if let Err(error) = request.into_body().collect().await
                && crate::server::read_body::classify(&error)
                    != crate::server::read_body::ReadBodyError::Incomplete
            {
                broken.set(broken.get() + 1);
            }
            Ok::<_, Infallible>(
                Response::builder().header("x-ours", "1").body(Body::from("")).unwrap(),
            )
        }
    });
    let answers = runtime.block_on(async {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let connection =
            http1::Builder::new().half_close(true).serve_connection(TokioIo::new(theirs), service);
        let (mut from, mut to) = tokio::io::split(ours);
        let client = async {
            to.write_all(stream).await.unwrap();
            to.shutdown().await.unwrap();
            let mut answers = String::new();
            from.read_to_string(&mut answers).await.unwrap();
            answers
        };
        tokio::join!(connection, client).1
    });
    let ours = answers.matches("x-ours").count();
    let all = answers.matches("HTTP/1.").count() - answers.matches("100 Continue").count();
    Served { begun: begun.get(), broken: broken.get(), refused: all - ours }
}
