//! A dispatcher as a layer of a tonic server, with a tonic client, over a real connection.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::body::Bytes;
use axum::http::{Request, Response};
use bytes::{Buf, BufMut};
use futures_core::future::BoxFuture;
use futures_util::{StreamExt, stream};
use mesero::testing::TestDispatcher;
use mesero::tower::{DispatcherLayer, grpc_status};
use mesero::{Dispatcher, DispatcherBuilder, Error, Failure, FailureKind, Phase, Refusal};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::NamedService;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Status, Streaming};
use tower_service::Service;

use crate::harness::secs;

/// Messages of plain bytes.
#[derive(Default)]
struct Plain;

impl Codec for Plain {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// Answers each message with itself as it comes; the method `/echo.Echo/Never` never answers.
#[derive(Clone)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "echo.Echo";
}

impl Service<Request<Body>> for Echo {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let never = request.uri().path().ends_with("/Never");
        Box::pin(async move {
            if never {
                return std::future::pending().await;
            }
            let echo = async |messages: tonic::Request<Streaming<Bytes>>| {
                Ok(tonic::Response::new(messages.into_inner()))
            };
            let mut method = tonic::server::Grpc::new(Plain);
            Ok(method.streaming(tower::service_fn(echo), request).await)
        })
    }
}

/// A server with the layer in front, and a client of it.
async fn serve(
    builder: DispatcherBuilder<()>,
) -> (TestDispatcher<()>, tonic::client::Grpc<Channel>) {
    let dispatcher = TestDispatcher::new(builder.build().unwrap());
    let layer = DispatcherLayer::new(dispatcher.dispatcher()).respond(grpc_status);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = stream::unfold(listener, async |listener| {
        let accepted = listener.accept().await.map(|(stream, _)| stream);
        Some((accepted, listener))
    });
    let server = Server::builder().layer(layer).add_service(Echo);
    TaskTracker::new().spawn(server.serve_with_incoming(incoming));
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await;
    let mut client = tonic::client::Grpc::new(channel.unwrap());
    client.ready().await.unwrap();
    (dispatcher, client)
}

/// Begins a call, whose messages the test sends.
async fn begin(
    client: &tonic::client::Grpc<Channel>,
    method: &'static str,
) -> (mpsc::Sender<Bytes>, Result<Streaming<Bytes>, Status>) {
    let (send, receive) = mpsc::channel::<Bytes>(1);
    let messages = stream::unfold(receive, async |mut receive| {
        let message = receive.recv().await?;
        Some((message, receive))
    });
    let mut client = client.clone();
    client.ready().await.unwrap();
    let path = axum::http::uri::PathAndQuery::from_static(method);
    let request = tonic::Request::new(messages);
    let response = client.streaming(request, path, Plain).await;
    (send, response.map(tonic::Response::into_inner))
}

#[tokio::test]
async fn a_grpc_call_streams_both_ways_while_it_holds_its_slot_and_gives_it_back_at_its_end() {
    let (dispatcher, client) = serve(Dispatcher::builder("echo").limit(1).queue(0)).await;
    let (send, answers) = begin(&client, "/echo.Echo/Echo").await;
    let mut answers = answers.unwrap();
    for message in ["one", "two"] {
        send.send(message.into()).await.unwrap();
        assert_eq!(answers.next().await.unwrap().unwrap(), message);
        assert_eq!(dispatcher.jobs()[0].phase, Phase::Stopping);
        assert_eq!(dispatcher.stats().slots.in_use, 1);
    }
    drop(send);
    assert!(answers.next().await.is_none(), "the status is OK");
    dispatcher.idle().await;
}

#[tokio::test]
async fn a_grpc_client_that_disconnects_gives_its_slot_back() {
    let (dispatcher, client) = serve(Dispatcher::builder("echo").limit(1)).await;
    let begun = begin(&client, "/echo.Echo/Echo").await;
    assert_eq!(dispatcher.stats().slots.in_use, 1);
    drop(begun);
    dispatcher.idle().await;
}

#[tokio::test]
async fn a_full_queue_is_unavailable_to_a_grpc_client_with_a_time_to_retry() {
    let (dispatcher, client) = serve(Dispatcher::builder("echo").limit(1).queue(0)).await;
    let held = begin(&client, "/echo.Echo/Echo").await;
    let (_, refused) = begin(&client, "/echo.Echo/Echo").await;
    let status = refused.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "The queue is full"));
    let after = status.metadata().get("grpc-retry-pushback-ms").unwrap();
    assert!(after.to_str().unwrap().parse::<u64>().unwrap() > 0, "{after:?}");
    drop(held);
    dispatcher.idle().await;
}

#[tokio::test]
async fn a_timeout_is_an_exceeded_deadline_to_a_grpc_client() {
    let builder = Dispatcher::builder("echo").timeout(std::time::Duration::from_millis(20));
    let (dispatcher, client) = serve(builder).await;
    let (_, answers) = begin(&client, "/echo.Echo/Never").await;
    let status = answers.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(status.message(), "The attempt took too long");
    dispatcher.idle().await;
}

#[test]
fn every_end_has_the_grpc_status_that_tonic_reads_from_it() {
    let failed = |kind| Error::Failed(Failure::new(kind, "secret"));
    let expected = [
        (Error::Refused(Refusal::RateLimited { retry_after: secs(1) }), Code::ResourceExhausted),
        (Error::Refused(Refusal::QueueFull { retry_after: secs(1) }), Code::Unavailable),
        (
            Error::Refused(Refusal::DeadlineUnmeetable {
                expected_wait: secs(1),
                expected_run: secs(0),
            }),
            Code::Unavailable,
        ),
        (Error::Refused(Refusal::Draining), Code::Unavailable),
        (Error::Shed, Code::Unavailable),
        (Error::TimedOut { after: secs(1) }, Code::DeadlineExceeded),
        (Error::Expired { phase: Phase::Queued }, Code::DeadlineExceeded),
        (Error::Canceled, Code::Cancelled),
        (failed(FailureKind::Unreachable), Code::Unavailable),
        (failed(FailureKind::Overloaded), Code::Unavailable),
        (failed(FailureKind::Raised), Code::Unknown),
        (failed(FailureKind::Lost), Code::Unknown),
        (failed(FailureKind::Panicked), Code::Internal),
    ];
    for (error, code) in expected {
        let status = Status::from_header_map(grpc_status(&error).headers()).unwrap();
        assert_eq!(status.code(), code, "{error}");
        assert!(!status.message().is_empty() && !status.message().contains("secret"));
    }
}
