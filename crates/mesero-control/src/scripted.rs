//! For tests: a service whose resource the test plays, and requests to its control plane.

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{self, HeaderMap, StatusCode};
use bytes::Bytes;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use mesero::testing::{MockHandle, MockWork, mock_resource};
use mesero::{Answer, Attempt, Call, Dispatcher, DispatcherBuilder, Seats};
use mesero_config::ReplyForm;
use mesero_resources::blocked::{Blocked, BlockedTotals};
use mesero_resources::{Health, Reply, Request, Resource, Serving};
use mesero_services::dispatcher_metrics::DispatcherMetrics;
use mesero_services::service::Service;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::router;

/// As many seats as the scripted resource has.
pub(crate) const SEATS: usize = 4;

/// A service whose resource the test plays.
pub(crate) struct Scripted {
    pub(crate) service: Service,
    pub(crate) mock: MockHandle<Bytes, Reply>,
    /// The blocked event loops that the resource reports.
    pub(crate) blocked: Arc<Blocked>,
    health: Arc<Mutex<Health>>,
    callers: TaskTracker,
}

impl Scripted {
    /// One slot of four seats, and room for two in the queue.
    pub(crate) fn new(name: &str) -> Self {
        Self::built(name, |builder| builder.limit(1).queue(2))
    }

    pub(crate) fn built(
        name: &str,
        build: impl FnOnce(DispatcherBuilder<Reply>) -> DispatcherBuilder<Reply>,
    ) -> Self {
        let (work, mock) = mock_resource();
        let metrics = DispatcherMetrics::default();
        let builder = Dispatcher::builder(name).observer(metrics.clone());
        let health = Arc::new(Mutex::new(Health { up: 1, wanted: 1, restarts: 0 }));
        let blocked = Arc::<Blocked>::default();
        let resource =
            ScriptedResource { work, blocked: Arc::clone(&blocked), health: Arc::clone(&health) };
        let resource = Arc::new(resource);
        let dispatcher = build(builder).build().unwrap();
        let service = Service {
            dispatcher,
            resource,
            shares: false,
            ttl: None,
            policy: Arc::default(),
            metrics,
        };
        Self { service, mock, blocked, health, callers: TaskTracker::new() }
    }

    /// Its control plane, without a token.
    pub(crate) fn router(&self) -> Router {
        router(vec![self.service.clone()], CancellationToken::new(), None)
    }

    /// Calls the service with this argument, from a task of its own.
    pub(crate) fn call(&self, num: &str) -> JoinHandle<Answer<Reply>> {
        let call = Call::new(num).argument("num", num);
        let request = Request::of_arguments(num.to_owned());
        let service = self.service.clone();
        self.callers.spawn(async move { service.ask(call, request).await })
    }

    pub(crate) fn set_health(&self, health: Health) {
        *self.health.lock().unwrap() = health;
    }
}

/// Any reply.
pub(crate) fn nine() -> Reply {
    Reply::value(ReplyForm::Text, Bytes::from_static(b"9.0"))
}

/// Lets every task that is ready run.
pub(crate) async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

/// Lets `milliseconds` pass, with time paused.
pub(crate) async fn pass(milliseconds: u64) {
    settle().await;
    tokio::time::advance(Duration::from_millis(milliseconds)).await;
    settle().await;
}

/// An answer of the control plane.
#[derive(Debug)]
pub(crate) struct TestResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl TestResponse {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The last part of the problem's type, if this is a problem as RFC 9457 wants it.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{self:?}");
        problem["type"].as_str().unwrap().strip_prefix("urn:mesero:").unwrap().to_owned()
    }
}

/// Makes a request to localhost.
pub(crate) async fn ask(router: &Router, line: &str, body: &str) -> TestResponse {
    let (method, path) = line.split_once(' ').unwrap();
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost:9888")
        .body(Body::from(body.to_owned()))
        .unwrap();
    send(router, request).await
}

pub(crate) async fn send(router: &Router, request: http::Request<Body>) -> TestResponse {
    let answer = TowerToHyperService::new(router.clone()).call(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    TestResponse { status: parts.status, headers: parts.headers, text }
}

struct ScriptedResource {
    work: MockWork<Bytes, Reply>,
    blocked: Arc<Blocked>,
    health: Arc<Mutex<Health>>,
}

impl Resource for ScriptedResource {
    fn describe(&self) -> String {
        "scripted by the test".to_owned()
    }

    fn seats(&self) -> NonZeroUsize {
        NonZeroUsize::new(SEATS).unwrap()
    }

    fn supervise(&self, _seats: Seats) {}

    fn attempt(&self, request: Request, attempt: Attempt) -> Serving {
        self.work.on(request.arguments)(attempt)
    }

    fn health(&self) -> Health {
        *self.health.lock().unwrap()
    }

    fn blocked(&self) -> BlockedTotals {
        self.blocked.totals()
    }

    fn stop(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {})
    }
}
