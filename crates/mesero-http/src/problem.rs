//! Errors for clients, as `application/problem+json` (RFC 9457).

use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value};

use crate::body::Body;

/// The error of one request, on the data plane or on the control plane.
///
/// Each cause has a `kind` of its own that never changes, for programs to match on.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    more: Map<String, Value>,
    headers: Vec<(header::HeaderName, HeaderValue)>,
}

impl Problem {
    pub fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let detail = detail.into();
        Self { status, kind, title, detail, more: Map::new(), headers: Vec::new() }
    }

    /// Adds a member of its own.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Adds a Retry-After in whole seconds, at least one.
    pub fn retry_after(self, after: Duration) -> Self {
        let seconds = (after.as_secs() + u64::from(after.subsec_nanos() > 0)).max(1);
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    pub fn into_response(self) -> Response<Body> {
        let mut text = Map::new();
        text.insert("type".to_owned(), format!("urn:mesero:{}", self.kind).into());
        text.insert("title".to_owned(), self.title.into());
        text.insert("status".to_owned(), self.status.as_u16().into());
        text.insert("detail".to_owned(), self.detail.into());
        text.extend(self.more);
        let mut response = Response::new(Body::from(Value::Object(text).to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let media_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, media_type);
        headers.extend(self.headers);
        response
    }
}
