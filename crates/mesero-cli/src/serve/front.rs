//! One request, from its head to its response.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use mesero::{Call, Phase};

use super::arguments::{self, Arguments};
use super::body::{self, Body};
use super::respond;
use super::router::{Match, Router};
use crate::config::{Action, Reply};
use crate::resource::{Order, ReplyForm};
use crate::service::Service;

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
    pub(crate) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let request_id = parts.headers.get(REQUEST_ID).cloned().unwrap_or_else(new_request_id);
        let mut response = match self.router.find(&parts.method, parts.uri.path()) {
            Err(problem) => problem.into_response(),
            Ok(Match { action: Action::List { resource, argument }, .. }) => {
                list(&self.services[*resource], argument)
            }
            Ok(Match { action: Action::Call { resource, arguments, reply }, segments }) => {
                // Received before anything is asked for, so that a slow sender holds no slot.
                match body::receive(body, self.body_limit, self.body_timeout).await {
                    Err(error) => respond::not_received(&error),
                    Ok(body) => match arguments::take(arguments, &parts, &segments, &body) {
                        Err(problem) => problem.into_response(),
                        Ok(arguments) => self.services[*resource].answer(arguments, *reply).await,
                    },
                }
            }
        };
        response.headers_mut().insert(REQUEST_ID, request_id);
        response
    }
}

impl Service {
    async fn answer(&self, Arguments { json, shown }: Arguments, reply: Reply) -> Response<Body> {
        let form = match reply {
            Reply::Text => ReplyForm::Text,
            Reply::Json => ReplyForm::Json,
        };
        let mut call = match self.shares {
            // The answer depends on the arguments and on the form, and on nothing else.
            true => Call::new(format!("{} {}", form.as_str(), String::from_utf8_lossy(&json))),
            false => Call::unkeyed(),
        };
        for argument in shown {
            call = call.argument(argument.name, argument.text);
        }
        let answer = self.ask(call, Order { arguments: json, form }).await;
        respond::answer(self, answer)
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
