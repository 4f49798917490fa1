//! The control plane's errors as a client reads them: `application/problem+json` (RFC 9457).

use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

/// What was wrong with one request. Every cause has one `kind`, which never changes.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    members: Map<String, Value>,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: String) -> Self {
        Self { status, kind, title, detail, members: Map::new() }
    }

    /// Adds a member of its own for programs to read.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    pub(super) fn no_such_job(id: &str) -> Self {
        let detail = format!("no job {id:?} is in flight; it may be over: GET /jobs lists them");
        Self::new(StatusCode::NOT_FOUND, "no-such-job", "No such job", detail)
    }

    pub(super) fn no_such_resource(name: &str, known: &str) -> Self {
        let detail = format!("no resource is called {name:?}; there are: {known}");
        Self::new(StatusCode::NOT_FOUND, "no-such-resource", "No such resource", detail)
    }

    pub(super) fn unknown_path(path: &str) -> Self {
        let detail = format!("nothing is at {path:?}");
        Self::new(StatusCode::NOT_FOUND, "unknown-path", "Unknown path", detail)
    }

    pub(super) fn wrong_method(method: &Method, path: &str) -> Self {
        let detail = format!("{method} does not work at {path:?}; the Allow header says what does");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", "Method not allowed", detail)
    }

    pub(super) fn bad_request(detail: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "Bad request", detail)
    }

    pub(super) fn body_too_large(limit: usize) -> Self {
        let detail = format!("the body is larger than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "Body too large", detail)
    }

    pub(super) fn body_too_slow() -> Self {
        let detail = "the body did not come in time".to_owned();
        Self::new(StatusCode::REQUEST_TIMEOUT, "body-too-slow", "Body too slow", detail)
    }

    pub(super) fn already_stopping(id: &str) -> Self {
        let detail = format!(
            "job {id:?} is over; its last attempt still occupies the resource, until that has \
             really stopped"
        );
        Self::new(StatusCode::CONFLICT, "already-stopping", "Already stopping", detail)
    }

    pub(super) fn not_ready(detail: String) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", "Not ready", detail)
    }

    pub(super) fn forbidden(detail: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Forbidden", detail)
    }

    pub(super) fn unauthorized() -> Self {
        let detail = "this control plane wants its token: Authorization: Bearer …".to_owned();
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized", detail)
    }

    pub(super) fn internal(detail: String) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut members = self.members;
        members.insert("type".to_owned(), format!("urn:mesero:{}", self.kind).into());
        members.insert("title".to_owned(), self.title.into());
        members.insert("status".to_owned(), self.status.as_u16().into());
        members.insert("detail".to_owned(), self.detail.into());
        let body = Value::Object(members).to_string();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        let media_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, media_type);
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"mesero\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
