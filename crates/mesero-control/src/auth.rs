//! Access: requests with the token, or, without a configured token, requests from this machine.

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use mesero_config::Secret;

use super::causes::{self, ProblemResponse};

/// Checks the access of requests.
#[derive(Debug)]
pub(super) struct AccessPolicy {
    token: Option<Secret>,
}

/// Passes a request on to its handler if it has access, and answers it otherwise.
///
/// The body is not read before. Dropping the future drops the handler's.
pub(super) async fn check(
    State(policy): State<Arc<AccessPolicy>>,
    request: Request,
    next: Next,
) -> Response {
    match policy.admit(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

impl AccessPolicy {
    pub(super) fn new(token: Option<Secret>) -> Self {
        Self { token }
    }

    fn admit(&self, request: &Request) -> Result<(), ProblemResponse> {
        let headers = request.headers();
        match &self.token {
            // A web page cannot guess the token, so the origin does not matter.
            Some(token) if has_token(headers, token) => Ok(()),
            Some(_) => Err(causes::unauthorized()),
            None => {
                let host = loopback_host(request.uri(), headers)?;
                match request.method() {
                    &Method::GET | &Method::HEAD => Ok(()),
                    _ => own_origin(headers, &host),
                }
            }
        }
    }
}

fn has_token(headers: &HeaderMap, token: &Secret) -> bool {
    let Some(credentials) = headers.get(header::AUTHORIZATION) else { return false };
    let Some((scheme, candidate)) = credentials.as_bytes().split_at_checked("Bearer ".len()) else {
        return false;
    };
    scheme.eq_ignore_ascii_case(b"Bearer ") && token.matches(candidate.trim_ascii())
}

/// The host in the request, if it is a name of this machine.
///
/// A web page whose name resolves to 127.0.0.1 (DNS rebinding) sends its own name.
fn loopback_host(uri: &Uri, headers: &HeaderMap) -> Result<Authority, ProblemResponse> {
    let named = match uri.authority() {
        Some(authority) => authority.as_str(),
        None => text(headers, &header::HOST).unwrap_or_default(),
    };
    match named.parse::<Authority>() {
        Ok(authority) if is_loopback(authority.host()) => Ok(authority),
        _ => Err(causes::forbidden(format!(
            "the request was made to {named:?}; without a token, this control plane answers only \
             to localhost, 127.0.0.1 and [::1]"
        ))),
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host == "[::1]"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// Checks the origin, which browsers send and other clients do not.
fn own_origin(headers: &HeaderMap, host: &Authority) -> Result<(), ProblemResponse> {
    let site = text(headers, &HeaderName::from_static("sec-fetch-site"));
    let origin = text(headers, &header::ORIGIN);
    let same_site = matches!(site, None | Some("same-origin" | "none"));
    let same_origin = origin.is_none_or(|origin| {
        origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host.as_str()))
    });
    if same_site && same_origin {
        Ok(())
    } else {
        Err(causes::forbidden(
            "the request comes from a web page of another origin, which may not change anything \
             here"
                .to_owned(),
        ))
    }
}

/// A header's text; `?`, which matches nothing, if it is not ASCII.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

#[cfg(test)]
mod tests;
