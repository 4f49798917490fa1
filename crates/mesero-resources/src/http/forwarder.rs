//! Requests forwarded to one server, and its responses.

use std::sync::Arc;

use http::{StatusCode, response};
use mesero::{Advice, Attempt, Failure};
use mesero_config::{Behalf, HttpSettings};
use mesero_http::body::Body;
use mesero_http::payload::Payload;

use super::abandoned::AbandonedRequests;
use super::connector::Connector;
use super::exchange::Exchange;
use super::headers;
use super::pool::{ConnectionPool, PooledSeat};
use super::response_body::ResponseBody;
use super::send_error::SendError;
use super::session::UpstreamSession;
use super::upstream_request;
use crate::{Reply, Request};

#[derive(Debug)]
pub(super) struct Forwarder {
    pub(super) settings: Arc<HttpSettings>,
    pub(super) connector: Arc<Connector>,
    pub(super) pool: Arc<ConnectionPool>,
    pub(super) abandoned: Arc<AbandonedRequests>,
}

impl Forwarder {
    /// Forwards a request and returns the response. Dropping the future abandons the request: the
    /// slot is free when the upstream has stopped.
    pub(super) async fn serve(
        self: Arc<Self>,
        request: Request,
        attempt: Attempt,
    ) -> Result<Reply, Failure> {
        let (exchange, mut head) = self.response_head(&request, &attempt).await?;
        let body = ResponseBody::new(exchange, self.settings.stall_timeout).unless_empty().await;
        if self.settings.behalf == Behalf::Clients {
            if let Some(failure) = self.retryable_failure(&head, &request, &attempt) {
                if let Some(body) = body {
                    body.leave_unread();
                }
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

    /// Returns the head of the response, over an idle session or else over a new one.
    ///
    /// A request is sent a second time within its slot only if the upstream does not work on it:
    /// if nothing of it was sent, if the upstream says that it has not processed it, or if an
    /// idempotent request without a body came over a connection that was used before and is known
    /// to have ended without a byte of a response, as happens if the upstream closes an idle
    /// connection in that moment. Everything else is a failure: another attempt needs a slot of its
    /// own, while this one is held.
    async fn response_head(
        &self,
        request: &Request,
        attempt: &Attempt,
    ) -> Result<(Exchange, response::Parts), Failure> {
        let first_byte_timeout = self.settings.first_byte_timeout;
        let idle_session = self.pool.take(attempt.slot().seat(), &self.settings).await;
        let idle_session = idle_session.or_else(|| self.connector.stream());
        let is_reused = idle_session.is_some();
        let session = match idle_session {
            Some(session) => session,
            None => self.connector.session().await?,
        };
        let outgoing = upstream_request::build(&self.settings, request, attempt)?;
        let mut exchange = self.exchange(session, attempt);
        let unsent = match exchange.send(outgoing, first_byte_timeout).await {
            Ok(head) => return Ok((exchange, head)),
            // The upstream closed the connection while it was idle, or shuts it down in good order.
            // A new connection hides that from the client.
            Err(SendError::NotSent(outgoing)) => Some(outgoing),
            Err(SendError::Unprocessed(_)) if request.body.is_replayable() => None,
            Err(error) if is_reused && error.is_silent_death() && is_bodiless(request) => None,
            Err(error) => return Err(lost(&error, request)),
        };
        drop(exchange);
        let session = self.connector.session().await?;
        let outgoing = match unsent {
            Some(outgoing) => *outgoing,
            None => upstream_request::build(&self.settings, request, attempt)?,
        };
        let mut exchange = self.exchange(session, attempt);
        match exchange.send(outgoing, first_byte_timeout).await {
            Ok(head) => Ok((exchange, head)),
            Err(error) => Err(lost(&error, request)),
        }
    }

    fn exchange(&self, session: UpstreamSession, attempt: &Attempt) -> Exchange {
        let (pool, settings) = (Arc::clone(&self.pool), Arc::clone(&self.settings));
        let seat = PooledSeat::new(pool, settings, attempt.slot().clone());
        Exchange::new(session, seat, Arc::clone(&self.abandoned))
    }

    /// Turns a response that asks for a later retry into a failure, if the policy grants a retry.
    /// Otherwise the client gets the response.
    fn retryable_failure(
        &self,
        head: &response::Parts,
        request: &Request,
        attempt: &Attempt,
    ) -> Option<Failure> {
        if !is_repeatable(request) {
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
        let failure = match headers::retry_after(&head.headers) {
            Some(after) => failure.advise(Advice::After(after)),
            None => failure,
        };
        attempt.will_retry(&failure).then_some(failure)
    }
}

/// Returns true if the request is idempotent and has no body.
fn is_bodiless(request: &Request) -> bool {
    is_repeatable(request) && matches!(&request.body, Payload::Whole(bytes) if bytes.is_empty())
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
