//! One request, from its head to its response.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use mesero::{Call, Phase};

use super::arguments::{self, Arguments};
use super::receive;
use super::respond;
use super::router::{Match, Router};
use crate::body::Body;
use crate::config::{Action, Reply};
use crate::resource::payload::Payload;
use crate::resource::{Asked, Order, ReplyForm};
use crate::service::Service;

mod pass;

/// What the data plane serves.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) router: Router,
    /// In the order of the configuration, which routes refer to.
    pub(crate) services: Vec<Service>,
    pub(crate) body_limit: usize,
    pub(crate) body_timeout: Duration,
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

impl Front {
    /// Answers a request. Dropping the future is the client leaving.
    pub(crate) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Response<Body> {
        let (mut head, body) = request.into_parts();
        let request_id = head.headers.get(REQUEST_ID).cloned().unwrap_or_else(new_request_id);
        let mut response = match self.router.find(&head.method, head.uri.path()) {
            Err(problem) => problem.into_response(),
            Ok(Match { action: Action::List { resource, argument }, .. }) => {
                list(&self.services[*resource], argument)
            }
            Ok(Match { action: Action::Pass(route), .. }) => {
                head.headers.insert(REQUEST_ID, request_id.clone());
                self.pass(route, Request::from_parts(head, body), peer).await
            }
            Ok(Match { action: Action::Call { resource, arguments, reply }, segments }) => {
                // Received before anything is asked for, so that a slow sender holds no slot.
                match receive::receive(body, self.body_limit, self.body_timeout).await {
                    Err(error) => respond::not_received(&error),
                    Ok(body) => match arguments::take(arguments, &head, &segments, &body) {
                        Err(problem) => problem.into_response(),
                        Ok(arguments) => {
                            let service = &self.services[*resource];
                            let (call, arguments) = call(service, arguments, *reply);
                            let order = Order {
                                request: Arc::new(Asked { head, prefix: String::new(), peer }),
                                arguments,
                                body: Payload::Whole(body),
                                form: form(*reply),
                            };
                            respond::answer(service, service.ask(call, order).await)
                        }
                    },
                }
            }
        };
        response.headers_mut().insert(REQUEST_ID, request_id);
        response
    }
}

/// The call that stands for a request, and its arguments as the resource gets them.
fn call(service: &Service, Arguments { json, shown }: Arguments, reply: Reply) -> (Call, Bytes) {
    let mut call = match service.shares {
        // The answer depends on the arguments and on the form, and on nothing else.
        true => Call::new(format!("{} {}", form(reply).as_str(), String::from_utf8_lossy(&json))),
        false => Call::unkeyed(),
    };
    for argument in shown {
        call = call.argument(argument.name, argument.text);
    }
    (call, json)
}

fn form(reply: Reply) -> ReplyForm {
    match reply {
        Reply::Text => ReplyForm::Text,
        Reply::Json => ReplyForm::Json,
    }
}

/// One argument of every job in flight. What only still stops is not in flight any more.
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

/// An id for a request that brought none.
fn new_request_id() -> HeaderValue {
    let id = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
    HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("0"))
}
