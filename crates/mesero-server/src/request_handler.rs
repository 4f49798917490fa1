//! One request, from its head to its response.

use std::array;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Response, header};
use hyper::body::{Body as _, Incoming};
use mesero::{Call, Phase};
use mesero_config::{Action, ReplyForm};
use mesero_http::body::Body;
use mesero_http::payload::Payload;
use mesero_http::server::read_body::{self, ReadBodyError};
use mesero_resources::{Request, RequestContext};
use mesero_services::service::Service;

use super::arguments::{self, Arguments};
use super::respond;
use super::router::Router;
use classification::Classified;

pub(crate) mod classification;
mod deadline;
mod head;
mod passthrough;
mod priority;

#[cfg(test)]
mod tests;

/// The routes and services of one front.
#[derive(Debug)]
pub(crate) struct RequestHandler {
    pub(crate) router: Router,
    /// In the order of the configuration, which routes refer to.
    pub(crate) services: Vec<Service>,
    pub body_limit: usize,
    pub body_timeout: Duration,
}

/// A request whose body has not been received.
#[derive(Debug)]
struct IncomingRequest {
    /// On the heap: every future that it passes through has room for its parameters.
    head: Box<Parts>,
    body: Incoming,
    peer: SocketAddr,
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

impl RequestHandler {
    /// Answers a request. A client that disconnects drops the future, and with it its call.
    ///
    /// The head is copied out of the connection's read buffer before this returns, and so before the connection's next
    /// read, which then reuses the buffer instead of allocating another while the request waits.
    pub(crate) fn answer(
        self: Arc<Self>,
        request: http::Request<Incoming>,
        peer: SocketAddr,
    ) -> impl Future<Output = Response<Body>> + Send + 'static {
        let (mut head, body) = request.into_parts();
        head::detach(&mut head);
        let incoming = IncomingRequest { head: Box::new(head), body, peer };
        async move {
            let id = incoming.head.headers.get(REQUEST_ID).cloned().unwrap_or_else(new_request_id);
            let mut response = self.respond(incoming, &id).await;
            response.headers_mut().insert(REQUEST_ID, id);
            response
        }
    }

    async fn respond(&self, mut incoming: IncomingRequest, id: &HeaderValue) -> Response<Body> {
        let head = &mut incoming.head;
        let found = match self.router.find(&head.method, head.uri.path()) {
            Err(problem) => return problem.into_response(),
            Ok(found) => found,
        };
        match found.action {
            Action::List { resource, argument } => list(&self.services[*resource], argument),
            Action::Passthrough(route) => {
                head.headers.insert(REQUEST_ID, id.clone());
                self.passthrough(route, &found, incoming).await
            }
            Action::Call { resource, arguments, reply } => {
                let IncomingRequest { head, body, peer } = incoming;
                // Read before the call begins, so that a slow sender holds no slot.
                let body = match self.read_body(body).await {
                    Err(error) => return respond::body_not_read(&error),
                    Ok(body) => body,
                };
                let arguments = match arguments::take(arguments, &head, &found.segments, &body) {
                    Err(problem) => return problem.into_response(),
                    Ok(arguments) => arguments,
                };
                let service = &self.services[*resource];
                let (call, arguments) = call(service, arguments, *reply);
                let classified = Classified { head: &head, route: &found, peer: peer.ip() };
                let (call, class) = match classified.classify(call, &service.policy) {
                    Err(problem) => return problem.into_response(),
                    Ok(classified) => classified,
                };
                let request = Request {
                    context: Arc::new(RequestContext { head: *head, prefix: String::new(), peer }),
                    arguments,
                    body: Payload::Whole(body),
                    form: *reply,
                };
                respond::answer(service, &class, service.ask(call, request).await)
            }
        }
    }

    /// Reads a request's body; most requests have none.
    async fn read_body(&self, body: Incoming) -> Result<Bytes, ReadBodyError> {
        if body.is_end_stream() {
            return Ok(Bytes::new());
        }
        // On the heap, where it takes memory only while the body arrives.
        Box::pin(read_body::into_memory(body, self.body_limit, self.body_timeout)).await
    }
}

/// The call for a request, and its arguments as the resource gets them.
fn call(
    service: &Service,
    Arguments { json, shown }: Arguments,
    reply: ReplyForm,
) -> (Call, Bytes) {
    let mut call = if service.shares {
        // The reply depends on the arguments and on the form alone.
        Call::new(format!("{} {}", reply.as_str(), String::from_utf8_lossy(&json)))
    } else {
        Call::unkeyed()
    };
    for argument in shown {
        call = call.argument(argument.name, argument.text);
    }
    (call, json)
}

/// One argument of every job in flight; stopping jobs are no longer in flight.
fn list(service: &Service, argument: &str) -> Response<Body> {
    let jobs = service.dispatcher.jobs();
    let in_flight = jobs.iter().filter(|job| job.phase != Phase::Stopping);
    let values = in_flight.flat_map(|job| &job.info.arguments);
    let values = values.filter(|value| *value.name == *argument);
    let listed: Vec<_> = values.map(|value| arguments::as_listed(&value.text)).collect();
    let mut response = Response::new(Body::from(format!("[{}]", listed.join(", "))));
    let media_type = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response
}

/// An id for a request without one.
fn new_request_id() -> HeaderValue {
    let id = fastrand::u128(..);
    let digits: [u8; 32] =
        array::from_fn(|digit| b"0123456789abcdef"[(id >> (4 * digit)) as usize & 15]);
    HeaderValue::from_bytes(&digits).unwrap_or(HeaderValue::from_static("0"))
}
