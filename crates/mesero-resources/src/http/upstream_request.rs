//! The request for the upstream.

use http::uri::PathAndQuery;
use http::{HeaderValue, Uri, Version, header};
use mesero::{Advice, Attempt, Failure};
use mesero_config::{Behalf, HttpSettings};
use tokio::time::Instant;

use super::headers;
use super::request_body::RequestBody;
use crate::{Request, RequestContext};

/// Returns the request of a call, with its body, in a form that both versions of HTTP share.
///
/// # Errors
/// If an earlier attempt has consumed the body.
pub(super) fn build(
    settings: &HttpSettings,
    request: &Request,
    attempt: &Attempt,
) -> Result<http::Request<RequestBody>, Failure> {
    let RequestContext { head, peer, .. } = &*request.context;
    let path = path(settings, &head.uri)?;
    let mut fields = match settings.behalf {
        Behalf::Clients => headers::forwarded(head, *peer),
        Behalf::Own => head.headers.clone(),
    };
    let preserve_host = settings.preserve_host || settings.behalf == Behalf::Own;
    if !preserve_host || !fields.contains_key(header::HOST) {
        let host = HeaderValue::from_str(settings.upstream.authority());
        fields.insert(header::HOST, host.map_err(|error| not_retryable(&error))?);
    }
    if settings.behalf == Behalf::Clients {
        fields.remove(headers::DEADLINE);
        if let Some(until) = attempt.deadline() {
            let left = until.saturating_duration_since(Instant::now()).as_millis();
            let left = u64::try_from(left).unwrap_or(u64::MAX);
            fields.insert(headers::DEADLINE, HeaderValue::from(left));
        }
    }
    let body = RequestBody::of(&request.body)
        .ok_or_else(|| not_retryable(&"the request's body has been passed on already"))?;
    let mut request = http::Request::new(body);
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = Uri::from(path);
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = fields;
    Ok(request)
}

fn path(settings: &HttpSettings, uri: &Uri) -> Result<PathAndQuery, Failure> {
    let base = settings.upstream.base();
    let path = match uri.path_and_query() {
        Some(path) if base.is_empty() => return Ok(path.clone()),
        path => path.map_or("/", PathAndQuery::as_str),
    };
    PathAndQuery::try_from(format!("{base}{path}")).map_err(|error| not_retryable(&error))
}

fn not_retryable(why: &dyn std::fmt::Display) -> Failure {
    Failure::lost(format!("pass the request on: {why}")).advise(Advice::Never)
}
