//! A dispatcher as a layer: the body holds the slot, and a refusal is a response.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use futures_util::{poll, stream};
use http_body_util::BodyExt;
use mesero::testing::TestDispatcher;
use mesero::tower::{DispatcherLayer, SlotBody};
use mesero::{Call, Dispatcher, DispatcherBuilder, Phase, Retry};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tower_service::Service;

use crate::harness::secs;

#[expect(dead_code, reason = "its `main` listens, which a test need not")]
#[path = "../../examples/axum_queue.rs"]
mod axum_queue;

fn builder() -> DispatcherBuilder<()> {
    Dispatcher::builder("pages").limit(1).queue(0)
}

fn layer(dispatcher: &TestDispatcher<()>) -> DispatcherLayer {
    DispatcherLayer::new(dispatcher.dispatcher())
}

async fn get_from(routes: &Router, path: &str) -> Response<Body> {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let Ok(response) = routes.clone().call(request).await;
    response
}

async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A route whose body streams the test's bytes.
fn streamed(dispatcher: &TestDispatcher<()>) -> (Router, mpsc::Sender<Bytes>) {
    let (tx, rx) = mpsc::channel::<Bytes>(1);
    let rx = std::sync::Arc::new(std::sync::Mutex::new(Some(rx)));
    let page = async move || {
        let rx = rx.lock().unwrap().take().unwrap();
        Body::from_stream(stream::unfold(rx, |mut rx| async move {
            let bytes = rx.recv().await?;
            Some((Ok::<_, Infallible>(bytes), rx))
        }))
    };
    (Router::new().route("/", get(page)).layer(layer(dispatcher)), tx)
}

#[tokio::test(start_paused = true)]
async fn the_slot_is_held_until_the_body_has_ended_and_the_body_streams() {
    let dispatcher = TestDispatcher::new(builder().build().unwrap());
    let (routes, tx) = streamed(&dispatcher);
    let mut body = get_from(&routes, "/").await.into_body();
    let job = dispatcher.jobs().pop().unwrap();
    assert_eq!(job.phase, Phase::Stopping);
    assert_eq!(job.to_string(), "1 stopping at seat 0, 0.0 s old, method=GET, path=/");
    assert_eq!(get_from(&routes, "/").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    for part in ["one", "two"] {
        tx.send(part.into()).await.unwrap();
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), part);
        assert_eq!(dispatcher.stats().slots.in_use, 1);
    }
    drop(tx);
    assert!(body.frame().await.is_none());
    assert!(dispatcher.stats().is_idle());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_dropped_gives_the_slot_back() {
    let dispatcher = TestDispatcher::new(builder().build().unwrap());
    let (routes, _tx) = streamed(&dispatcher);
    drop(get_from(&routes, "/").await);
    assert!(dispatcher.stats().is_idle());
}

#[tokio::test(start_paused = true)]
async fn a_body_of_known_length_gives_the_slot_back_with_its_last_frame() {
    let dispatcher = TestDispatcher::new(builder().build().unwrap());
    let routes = Router::new().route("/", get(async || "whole")).layer(layer(&dispatcher));
    let mut body = get_from(&routes, "/").await.into_body();
    assert_eq!(dispatcher.stats().slots.in_use, 1);
    assert!(body.frame().await.is_some());
    assert!(dispatcher.stats().is_idle());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_dispatcher_ends_itself_becomes_a_problem_with_its_own_type() {
    async fn slow() {
        tokio::time::sleep(secs(60)).await;
    }
    #[expect(clippy::unreachable, reason = "the panic is tested")]
    async fn panics() {
        unreachable!("requested by the test")
    }
    let dispatcher = TestDispatcher::new(builder().timeout(secs(1)).build().unwrap());
    let routes = Router::new().route("/slow", get(slow)).route("/panics", get(panics));
    let routes = routes.layer(layer(&dispatcher));
    let timed_out = get_from(&routes, "/slow").await;
    assert_eq!(timed_out.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(timed_out.headers()["content-type"], "application/problem+json");
    assert_eq!(
        text(timed_out).await,
        r#"{"type":"urn:mesero:timed-out-running","title":"The attempt took too long","status":504}"#
    );
    let panicked = get_from(&routes, "/panics").await;
    assert_eq!(panicked.status(), StatusCode::INTERNAL_SERVER_ERROR);
    dispatcher.drain();
    let drained = get_from(&routes, "/slow").await;
    assert_eq!(drained.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(text(drained).await.contains("urn:mesero:draining"));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_has_a_retry_after_and_the_response_can_be_replaced() {
    let dispatcher = TestDispatcher::new(builder().build().unwrap());
    let (routes, _tx) = streamed(&dispatcher);
    let _held = get_from(&routes, "/").await;
    let refused = get_from(&routes, "/").await;
    assert_eq!(refused.headers()["retry-after"], "1");
    let teapot = layer(&dispatcher).respond(|error| {
        let mut response = Response::new(error.to_string().into());
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        response
    });
    let routes = Router::new().route("/", get(async || ())).layer(teapot);
    let refused = get_from(&routes, "/").await;
    assert_eq!(refused.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(text(refused).await, "the queue is full");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_takes_its_job_out_of_the_queue() {
    let dispatcher = TestDispatcher::new(builder().queue(1).build().unwrap());
    let (routes, tx) = streamed(&dispatcher);
    let held = get_from(&routes, "/").await;
    {
        let mut waits = pin!(get_from(&routes, "/"));
        assert!(poll!(&mut waits).is_pending());
        assert_eq!(dispatcher.stats().queue.len, 1);
    }
    assert_eq!(dispatcher.stats().queue.len, 0);
    drop((held, tx));
    dispatcher.idle().await;
}

/// A service without a route, which fails with the request's text.
#[derive(Clone)]
struct Fails;

impl Service<Request<String>> for Fails {
    type Response = Response<Body>;
    type Error = String;
    type Future = Ready<Result<Response<Body>, String>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), String>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<String>) -> Self::Future {
        ready(Err(request.into_body()))
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_service_passes_through_is_counted_and_is_not_retried() {
    let sharing = builder().coalesce().retry(Retry::default());
    let dispatcher = TestDispatcher::new(sharing.build().unwrap());
    let layer = layer(&dispatcher).describe(|_| Call::new("all the same"));
    let mut service = tower_layer::Layer::layer(&layer, Fails);
    let answer = service.call(Request::new("broken".to_owned())).await;
    let answer: Result<Response<SlotBody<Body>>, String> = answer;
    assert_eq!(answer.unwrap_err(), "broken");
    assert_eq!((dispatcher.stats().jobs.failed, dispatcher.stats().attempts.retries), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_axum_example_runs_two_at_a_time_and_shows_the_third_waiting() {
    let routes = axum_queue::service().unwrap();
    let report = async || text(get_from(&routes, "/report").await).await;
    let listed = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        text(get_from(&routes, "/jobs").await).await
    };
    let start = Instant::now();
    let (first, second, third, listed) = tokio::join!(report(), report(), report(), listed);
    assert_eq!([first, second, third], ["done\n"; 3]);
    assert_eq!(start.elapsed(), secs(10));
    assert_eq!(
        listed,
        "1 running at seat 0, 1.0 s old, method=GET, path=/report\n\
         2 running at seat 1, 1.0 s old, method=GET, path=/report\n\
         3 queued at position 1, 1.0 s old, method=GET, path=/report\n"
    );
    let page = include_str!("../../../../docs/library.md");
    assert!(page.contains(&format!("/jobs\n{listed}```")), "docs/library.md shows other jobs");
}

#[test]
fn the_library_page_shows_the_axum_example_unchanged() {
    let page = include_str!("../../../../docs/library.md");
    let example = include_str!("../../examples/axum_queue.rs");
    let program = example.split_once("\n\n").unwrap().1;
    assert!(page.contains(program), "docs/library.md has:\n{program}");
    let lines = program.lines().filter(|line| !line.is_empty()).count();
    assert!(lines < 20, "{lines} lines");
}
