//! HTTP/2 by prior knowledge, on the same port.

use std::future::pending;

use http::{Request, Response, Version};
use http_body_util::{BodyExt, Empty, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::task::TaskTracker;

use super::{Front, LIMITS};
use crate::body::Body;
use crate::server::{listen::Stopped, read_body};

type Sender<B> = SendRequest<B>;

async fn connect<B>(front: &Front) -> (Sender<B>, JoinHandle<hyper::Result<()>>)
where
    B: hyper::body::Body<Data = bytes::Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync,
{
    let stream = TcpStream::connect(front.address).await.unwrap();
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    (sender, TaskTracker::new().spawn(connection))
}

fn get<B: Default>(path: &str) -> Request<B> {
    Request::builder().uri(format!("http://a{path}")).body(B::default()).unwrap()
}

#[tokio::test]
async fn a_client_may_begin_with_http2() {
    let front = Front::start(LIMITS, |request, _| async move {
        assert_eq!(request.version(), Version::HTTP_2);
        let body = read_body::into_memory(request.into_body(), 1 << 20, LIMITS.head_timeout).await;
        Response::new(Body::from(body.unwrap()))
    })
    .await;
    let (mut sender, _connection) = connect(&front).await;
    for size in [0, 1, 100_000] {
        let mut request = get::<Full<bytes::Bytes>>("/");
        *request.body_mut() = Full::new(vec![b'\n'; size].into());
        let response = sender.send_request(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.len(), size);
    }
}

#[tokio::test]
async fn a_preface_that_comes_in_pieces_is_a_preface() {
    let front = Front::start(LIMITS, super::hello).await;
    let mut client = front.client().await;
    for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0" {
        client.send([*byte]).await;
    }
    let mut stream = client.into_stream();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[3], 4, "a SETTINGS frame comes first");
}

#[tokio::test]
async fn a_stream_that_is_reset_drops_its_handler_and_no_other() {
    let (begun, mut has_begun) = mpsc::channel(1);
    let front = Front::start(LIMITS, move |request, _| {
        let begun = begun.clone();
        async move {
            if request.uri().path() == "/wait" {
                let (held, dropped) = oneshot::channel::<()>();
                begun.send(dropped).await.unwrap();
                let _held = held;
                pending::<()>().await;
            }
            Response::new(Body::from("hello"))
        }
    })
    .await;
    let (mut sender, _connection) = connect::<Empty<bytes::Bytes>>(&front).await;
    let waiting = TaskTracker::new().spawn(sender.send_request(get("/wait")));
    let dropped = has_begun.recv().await.unwrap();
    waiting.abort();
    dropped.await.unwrap_err();
    assert_eq!(sender.send_request(get("/")).await.unwrap().status(), 200);
}

#[tokio::test]
async fn stopping_finishes_streams_in_flight() {
    let (begun, mut has_begun) = mpsc::channel(1);
    let front = Front::start(LIMITS, move |_, _| {
        let begun = begun.clone();
        async move {
            let (release, released) = oneshot::channel::<()>();
            begun.send(release).await.unwrap();
            released.await.unwrap();
            Response::new(Body::from("done"))
        }
    })
    .await;
    let (mut sender, connection) = connect::<Empty<bytes::Bytes>>(&front).await;
    let answer = TaskTracker::new().spawn(sender.send_request(get("/")));
    let release = has_begun.recv().await.unwrap();
    front.stop.cancel();
    release.send(()).unwrap();
    let body = answer.await.unwrap().unwrap().into_body().collect().await;
    assert_eq!(body.unwrap().to_bytes(), "done");
    connection.await.unwrap().unwrap();
    assert_eq!(front.stop().await, Stopped { cut_off: 0 });
}

#[tokio::test(start_paused = true)]
async fn an_idle_http2_connection_is_closed() {
    let front = Front::start(LIMITS, super::hello).await;
    let stream = TcpStream::connect(front.address).await.unwrap();
    let (_sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .handshake::<_, Empty<bytes::Bytes>>(TokioIo::new(stream))
        .await
        .unwrap();
    let begun = tokio::time::Instant::now();
    connection.await.unwrap();
    assert!(begun.elapsed() >= LIMITS.idle_timeout);
}
