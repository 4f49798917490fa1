//! An HTTP client that sends one request on each connection.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::HANG_TIMEOUT;

/// A response, received whole.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect(&self.body)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Response {
    request(address, Method::GET, path, "").await
}

pub(crate) async fn request(
    address: SocketAddr,
    method: Method,
    path: &str,
    body: &str,
) -> Response {
    try_request(address, method, path, body).await.expect("a response")
}

pub(crate) async fn try_request(
    address: SocketAddr,
    method: Method,
    path: &str,
    body: &str,
) -> Result<Response, Box<dyn std::error::Error + Send + Sync>> {
    let request = Request::builder().method(method).uri(path);
    send(address, request.body(Full::new(Bytes::from(body.to_owned())))?).await
}

/// Sends a POST with a body of this media type.
pub(crate) async fn post(
    address: SocketAddr,
    path: &str,
    media_type: &str,
    body: &str,
) -> Response {
    let request = Request::post(path).header("content-type", media_type);
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
    send(address, request).await.expect("a response")
}

async fn send(
    address: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<Response, Box<dyn std::error::Error + Send + Sync>> {
    timeout(HANG_TIMEOUT, exchange(address, request)).await.expect("a response")
}

async fn exchange(
    address: SocketAddr,
    mut request: Request<Full<Bytes>>,
) -> Result<Response, Box<dyn std::error::Error + Send + Sync>> {
    request.headers_mut().insert("host", address.to_string().parse()?);
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        let body = String::from_utf8(body.to_vec())?;
        Ok(Response { status: parts.status, headers: parts.headers, body })
    };
    let mut connection = std::pin::pin!(connection);
    tokio::pin!(exchange);
    tokio::select! {
        biased;
        done = &mut exchange => done,
        // The server may close once it has answered.
        _ = &mut connection => exchange.await,
    }
}

/// A client that has sent a GET and does not read; dropping it is the client leaving.
pub(crate) async fn impatient(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// A connection for one request after another.
pub(crate) struct Kept {
    address: SocketAddr,
    sender: http1::SendRequest<Full<Bytes>>,
    /// Runs the connection until this is dropped.
    _connection: tokio::task::JoinSet<hyper::Result<()>>,
}

impl Kept {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let mut running = tokio::task::JoinSet::new();
        running.spawn(connection);
        Self { address, sender, _connection: running }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Response {
        self.sender.ready().await.unwrap();
        let host = self.address.to_string();
        let request = Request::builder().uri(path).header("host", host);
        let request = request.body(Full::new(Bytes::new())).unwrap();
        let (parts, body) = self.sender.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Response { status: parts.status, headers: parts.headers, body }
    }
}
