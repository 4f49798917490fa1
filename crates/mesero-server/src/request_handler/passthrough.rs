//! Requests that are forwarded as a whole.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Response, Uri, header};
use hyper::body::{Body as _, Incoming};
use mesero::Call;
use mesero_config::{Passthrough, ReplyForm};
use mesero_http::body::Body;
use mesero_http::payload::Payload;
use mesero_http::server::read_body::{self, ReadBodyError};
use mesero_resources::{BodyMode, Request, RequestContext};

use super::classification::Classified;
use super::{IncomingRequest, RequestHandler};
use crate::respond;
use crate::router::Match;

impl RequestHandler {
    /// Forwards a request to its resource. A client that disconnects drops the future, and with it its call.
    pub(super) async fn passthrough(
        &self,
        route: &Passthrough,
        found: &Match<'_>,
        incoming: IncomingRequest,
    ) -> Response<Body> {
        let service = &self.services[route.resource];
        let IncomingRequest { mut head, body, peer } = incoming;
        if asks_for_upgrade(&head) {
            return respond::no_upgrade();
        }
        let body = match self.payload(service.resource.body_mode(), body).await {
            Ok(body) => body,
            Err(error) => return respond::body_not_read(&error),
        };
        let call = Call::unkeyed()
            .argument("method", head.method.as_str())
            .argument("path", head.uri.path());
        let classified = Classified { head: &head, route: found, peer: peer.ip() };
        let (call, class) = match classified.classify(call, &service.policy) {
            Err(problem) => return problem.into_response(),
            Ok(classified) => classified,
        };
        let mut stripped = String::new();
        if let Some(prefix) = &route.strip_prefix
            && let Some(uri) = without_prefix(&head.uri, prefix)
        {
            head.uri = uri;
            stripped.clone_from(prefix);
        }
        let request = Request {
            context: Arc::new(RequestContext { head: *head, prefix: stripped, peer }),
            arguments: Bytes::from_static(b"{}"),
            body,
            form: ReplyForm::Json,
        };
        respond::answer(service, &class, service.ask(call, request).await)
    }

    async fn payload(&self, body_mode: BodyMode, body: Incoming) -> Result<Payload, ReadBodyError> {
        match body_mode {
            // An empty body can be sent by every attempt.
            _ if body.is_end_stream() => Ok(Payload::Whole(Bytes::new())),
            BodyMode::Streamed => Ok(Payload::streaming(body)),
            // On the heap, where it takes memory only while the body arrives.
            BodyMode::Stored => {
                Box::pin(read_body::into_memory_or_file(body, self.body_limit, self.body_timeout))
                    .await
            }
            BodyMode::Whole => self.read_body(body).await.map(Payload::Whole),
        }
    }
}

/// True if the client requests another protocol. HTTP/2 is only an offer, which may be ignored
/// (RFC 9110, 7.8).
fn asks_for_upgrade(head: &Parts) -> bool {
    let wanted = head.headers.get_all(header::UPGRADE).iter();
    let mut wanted = wanted.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    wanted.any(|protocol| !protocol.trim_ascii().eq_ignore_ascii_case(b"h2c"))
}

/// The URI without the prefix of its path; `None` where the prefix is written in another way.
fn without_prefix(uri: &Uri, prefix: &str) -> Option<Uri> {
    let rest = uri.path_and_query()?.as_str().strip_prefix(prefix)?;
    let path = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
    // A part of a valid path is a valid path.
    let path = PathAndQuery::try_from(path).ok()?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_loses_its_prefix_and_keeps_its_query() {
        let stripped =
            |uri: &str| without_prefix(&uri.parse().unwrap(), "/api").unwrap().to_string();
        assert_eq!(stripped("/api/users?a=%20b"), "/users?a=%20b");
        assert_eq!(stripped("/api"), "/");
        assert_eq!(stripped("/api?a"), "/?a");
        assert_eq!(stripped("/api//x"), "//x");
        assert_eq!(stripped("http://a.example/api/x"), "http://a.example/x");
    }
}
