//! Requests forwarded to one server, and its responses.

use std::num::NonZeroU32;
use std::sync::Arc;

use http::{Response, StatusCode};
use mesero::{Advice, Attempt, Failure};
use mesero_config::{Behalf, HttpSettings};
use mesero_http::body::Body;

use super::connector::Connector;
use super::headers;
use super::pool::{ConnectionPool, PooledSeat};
use super::request_body::RequestBody;
use super::response_body::ResponseBody;
use super::send_error::SendError;
use super::session::{SessionBody, UpstreamSession};
use super::upstream_request;
use crate::{Reply, Request};

#[derive(Debug)]
pub(super) struct Forwarder {
    pub(super) settings: Arc<HttpSettings>,
    /// Attempts of a job, including the first.
    pub(super) max_attempts: NonZeroU32,
    pub(super) connector: Arc<Connector>,
    pub(super) pool: Arc<ConnectionPool>,
}

impl Forwarder {
    /// Forwards a request and returns the response. Dropping the future closes the connection, and
    /// then frees the slot.
    pub(super) async fn serve(
        self: Arc<Self>,
        request: Request,
        attempt: Attempt,
    ) -> Result<Reply, Failure> {
        let (session, response) = self.response_head(&request, &attempt).await?;
        let (mut head, incoming) = response.into_parts();
        let (pool, settings) = (Arc::clone(&self.pool), Arc::clone(&self.settings));
        let pooled_seat = PooledSeat::new(pool, settings, attempt.slot().clone());
        let stall_timeout = self.settings.stall_timeout;
        let body =
            ResponseBody::new(incoming, session, pooled_seat, stall_timeout).unless_empty().await;
        if self.settings.behalf == Behalf::Clients {
            if let Some(failure) = self.retryable_failure(&head, &request, &attempt) {
                // The unread body is dropped, and its connection with it.
                return Err(failure);
            }
            headers::clean_response(&mut head);
        }
        let body = match body {
            Some(body) => Body::stream(body),
            None => Body::from(""),
        };
        Ok(Reply::response(head.status, head.headers, body))
    }

    /// Returns the head of the response, over an idle session or else over a new one. Dropping the
    /// future closes the session.
    async fn response_head(
        &self,
        request: &Request,
        attempt: &Attempt,
    ) -> Result<(UpstreamSession, Response<SessionBody>), Failure> {
        let idle_session = self.pool.take(attempt.slot().seat(), &self.settings).await;
        let idle_session = idle_session.or_else(|| self.connector.stream());
        let is_reused = idle_session.is_some();
        let session = match idle_session {
            Some(session) => session,
            None => self.connector.session().await?,
        };
        let outgoing = upstream_request::build(&self.settings, request, attempt)?;
        let unsent = match self.send(session, outgoing).await {
            Ok(response_head) => return Ok(response_head),
            // The upstream closed the connection while it was idle, or shuts it down in good order.
            // A new connection hides that from the client.
            Err(SendError::NotSent(outgoing)) => Some(outgoing),
            Err(SendError::Unprocessed(_)) if request.body.is_replayable() => None,
            Err(SendError::ConnectionBroken(_) | SendError::StreamBroken(_))
                if is_reused && is_repeatable(request) =>
            {
                None
            }
            Err(error) => return Err(lost(&error, request)),
        };
        let session = self.connector.session().await?;
        let outgoing = match unsent {
            Some(outgoing) => *outgoing,
            None => upstream_request::build(&self.settings, request, attempt)?,
        };
        self.send(session, outgoing).await.map_err(|error| lost(&error, request))
    }

    async fn send(
        &self,
        mut session: UpstreamSession,
        request: http::Request<RequestBody>,
    ) -> Result<(UpstreamSession, Response<SessionBody>), SendError> {
        let response = session.send(request, self.settings.first_byte_timeout).await?;
        match response.status() {
            StatusCode::SWITCHING_PROTOCOLS => Err(SendError::SwitchedProtocols),
            _ => Ok((session, response)),
        }
    }

    /// Turns a response that asks for a later retry into a failure, if the policy has an attempt
    /// left.
    fn retryable_failure(
        &self,
        head: &http::response::Parts,
        request: &Request,
        attempt: &Attempt,
    ) -> Option<Failure> {
        if attempt.number() >= self.max_attempts.get() || !is_repeatable(request) {
            return None;
        }
        let message = format!("the upstream answered {}", head.status);
        let failure = match head.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Failure::new(mesero::FailureKind::Overloaded, message)
            }
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Failure::lost(message),
            _ => return None,
        };
        Some(match headers::retry_after(&head.headers) {
            Some(after) => failure.advise(Advice::After(after)),
            None => failure,
        })
    }
}

/// Returns true if the request may be sent again although the upstream may have acted on it.
fn is_repeatable(request: &Request) -> bool {
    request.context.head.method.is_idempotent() && request.body.is_replayable()
}

/// Returns the failure of an exchange without a response.
fn lost(error: &SendError, request: &Request) -> Failure {
    let message = error.to_string();
    let (failure, safe) = match error {
        // The upstream has not begun to process the request.
        SendError::NotSent(_) | SendError::Unprocessed(_) => {
            (Failure::unreachable(message), request.body.is_replayable())
        }
        _ => (Failure::lost(message), is_repeatable(request)),
    };
    if safe { failure } else { failure.advise(Advice::Never) }
}
