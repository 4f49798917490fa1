//! (feature `tower`) A dispatcher as a layer, for axum, tonic and other HTTP services with tower's
//! traits.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use tokio::sync::oneshot;
use tower_layer::Layer;
use tower_service::Service;

use crate::slot::{Attempt, Slot};
use crate::{Advice, Call, Dispatcher, Error, Failure};

mod body;
mod grpc;
mod problem;

pub use body::SlotBody;
pub use grpc::grpc_status;
pub use problem::problem;

/// Puts a dispatcher in front of an HTTP service: each request is a call, a job and one attempt.
///
/// The request's body and the response's body stay streams. The slot is held until the response's
/// body has ended or is dropped, because it occupies the resource until then; the timeout and the
/// deadline bound only the time to the response's head. A client that disconnects leaves the job.
///
/// - Responses of the service pass through, and so do its own errors.
/// - A call that the dispatcher ends itself (a refusal, a timeout, a panic of the service) becomes
///   a [`problem`], or the response of [`respond`](Self::respond).
/// - Requests are not shared, cached or retried; the dispatcher's `coalesce`, `cache` and `retry`
///   have no effect: a body that streams can be sent once.
///
/// The service is always ready: its [`poll_ready`](Service::poll_ready) never waits, and admission,
/// refusal and the queue are in `call`. So every waiting request is in the job list, and a load
/// balancer in front learns from the responses. The attempt waits for the inner service's
/// readiness, with the slot.
///
/// ```
/// # fn main() -> Result<(), mesero::BuildError> {
/// use axum::{Router, routing::get};
/// use mesero::{Dispatcher, tower::DispatcherLayer};
///
/// let reports = Dispatcher::builder("report").limit(2).queue(100).build()?;
/// let routes = Router::<()>::new()
///     .route("/report", get(|| async { "slow" }))
///     .layer(DispatcherLayer::new(reports.clone()))
///     .route("/limit", get(|| async move { reports.limit().to_string() }));
/// # Ok(())
/// # }
/// ```
///
/// In front of a tonic server, where [`grpc_status`] converts a refusal to a gRPC status:
///
/// ```
/// # fn main() -> Result<(), mesero::BuildError> {
/// use mesero::{Dispatcher, tower::{DispatcherLayer, grpc_status}};
/// use tonic::transport::Server;
///
/// let reports = Dispatcher::builder("report").limit(2).queue(100).build()?;
/// let server = Server::builder().layer(DispatcherLayer::new(reports).respond(grpc_status));
/// // server.add_service(…).serve(address).await
/// # drop(server);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct DispatcherLayer {
    dispatcher: Dispatcher<()>,
    describe: fn(&Parts) -> Call,
    respond: fn(&Error) -> Response<Bytes>,
}

impl DispatcherLayer {
    /// A layer whose jobs show the method and the path. All services that it makes share the
    /// dispatcher's slots with its other users.
    pub fn new(dispatcher: Dispatcher<()>) -> Self {
        let describe = |parts: &Parts| {
            Call::unkeyed()
                .argument("method", parts.method.as_str())
                .argument("path", parts.uri.path())
        };
        Self { dispatcher, describe, respond: problem }
    }

    /// Sets the function that returns each call's arguments and deadline. Its key is not used.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use mesero::{Call, Dispatcher, tower::DispatcherLayer};
    ///
    /// let reports = Dispatcher::builder("report").limit(2).build()?;
    /// let layer = DispatcherLayer::new(reports).describe(|parts| {
    ///     // The timeout of the client, from a proxy in front.
    ///     let timeout = parts.headers.get("x-timeout");
    ///     let timeout = timeout.and_then(|value| value.to_str().ok()?.parse().ok());
    ///     let call = Call::unkeyed().argument("path", parts.uri.path());
    ///     match timeout {
    ///         Some(seconds) => call.deadline(Duration::from_secs(seconds)),
    ///         None => call,
    ///     }
    /// });
    /// # drop(layer);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn describe(mut self, describe: fn(&Parts) -> Call) -> Self {
        self.describe = describe;
        self
    }

    /// Sets the function that makes the response to a call that the dispatcher ended itself.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mesero::{Dispatcher, Error, tower::{DispatcherLayer, problem}};
    ///
    /// let reports = Dispatcher::builder("report").limit(2).build()?;
    /// let layer = DispatcherLayer::new(reports).respond(|error| match error {
    ///     Error::Refused(_) => http::Response::builder()
    ///         .status(503)
    ///         .body("too many reports".into())
    ///         .unwrap_or_else(|_| problem(error)),
    ///     _ => problem(error),
    /// });
    /// # drop(layer);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn respond(mut self, respond: fn(&Error) -> Response<Bytes>) -> Self {
        self.respond = respond;
        self
    }
}

impl<S> Layer<S> for DispatcherLayer {
    type Service = DispatcherService<S>;

    fn layer(&self, inner: S) -> DispatcherService<S> {
        DispatcherService { inner, layer: self.clone() }
    }
}

/// A service behind a dispatcher; see [`DispatcherLayer`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use bytes::Bytes;
/// use http_body_util::Full;
/// use mesero::{Dispatcher, tower::DispatcherLayer};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// let reports = Dispatcher::builder("report").limit(2).build()?;
/// let slow = service_fn(async |_: http::Request<()>| {
///     Ok::<_, std::io::Error>(http::Response::new(Full::new(Bytes::from("done"))))
/// });
/// let service = DispatcherLayer::new(reports).layer(slow);
/// let response = service.oneshot(http::Request::new(())).await?;
/// assert_eq!(response.status(), 200);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct DispatcherService<S> {
    inner: S,
    layer: DispatcherLayer,
}

impl<S, Q, R> Service<Request<Q>> for DispatcherService<S>
where
    S: Service<Request<Q>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: fmt::Display + Send + 'static,
    Q: Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
{
    type Response = Response<SlotBody<R>>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    /// Never waits.
    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let DispatcherLayer { dispatcher, describe, respond } = self.layer.clone();
        let inner = self.inner.clone();
        let (parts, body) = request.into_parts();
        let call = Call { key: None, ..describe(&parts) };
        let request = Request::from_parts(parts, body);
        Box::pin(async move {
            let (tx, mut rx) = oneshot::channel();
            let mut once = Some(SingleUse { inner, request, tx });
            let result = dispatcher.call(call, move |attempt| serve(once.take(), attempt)).await;
            match (rx.try_recv(), result) {
                (Ok(ServiceOutcome { result: Ok(response), slot }), _) => {
                    Ok(response.map(|body| SlotBody::new(body, slot)))
                }
                (Ok(ServiceOutcome { result: Err(error), .. }), _) => Err(error),
                (Err(_), Err(error)) => Ok(respond(&error).map(SlotBody::text)),
                // Unreachable: a job succeeds only with a response.
                (Err(_), Ok(())) => Ok(respond(&Error::Canceled).map(SlotBody::text)),
            }
        })
    }
}

/// The service's result, and the slot that its body occupies.
struct ServiceOutcome<R, E> {
    result: Result<Response<R>, E>,
    slot: Slot,
}

/// The single-use inputs of an attempt.
struct SingleUse<S, Q, R, E> {
    inner: S,
    request: Request<Q>,
    tx: oneshot::Sender<ServiceOutcome<R, E>>,
}

/// Runs the attempt: waits until the service is ready, and for its response's head. Dropped, it
/// drops the service's future, and the slot goes back.
///
/// The response bypasses the job: it can be neither cloned nor shared.
async fn serve<S, Q, R>(
    once: Option<SingleUse<S, Q, R, S::Error>>,
    attempt: Attempt,
) -> Result<(), Failure>
where
    S: Service<Request<Q>, Response = Response<R>>,
    S::Error: fmt::Display,
{
    let Some(SingleUse { mut inner, request, tx }) = once else {
        return Err(Failure::lost("the request's body was already sent").advise(Advice::Never));
    };
    let result = match poll_fn(|context| inner.poll_ready(context)).await {
        Ok(()) => inner.call(request).await,
        Err(error) => Err(error),
    };
    let outcome = match &result {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::raised(error.to_string())),
    };
    // If the client has left, the response is dropped, and its body gives the slot back.
    let _ = tx.send(ServiceOutcome { result, slot: attempt.slot().clone() });
    outcome
}
