//! Reply of a resource.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::BodyExt;
use mesero::Failure;
use mesero_config::ReplyForm;
use mesero_http::body::Body;

/// A reply of a resource; cheap to clone, since several callers may get it.
#[derive(Debug, Clone)]
pub struct Reply {
    head: Arc<(StatusCode, HeaderMap)>,
    body: ReplyBody,
}

#[derive(Clone)]
enum ReplyBody {
    Whole(Bytes),
    /// A body in progress, which only one caller can have.
    Streaming(Arc<Mutex<Option<Body>>>),
}

/// Room for the headers of a value, and for added ones.
const HEADERS: usize = 6;

impl Reply {
    /// Returns a reply with a value that a function returned.
    pub fn value(form: ReplyForm, body: Bytes) -> Self {
        let mut headers = HeaderMap::with_capacity(HEADERS);
        let media_type = HeaderValue::from_static(form.content_type());
        headers.insert(header::CONTENT_TYPE, media_type);
        Self { head: Arc::new((StatusCode::OK, headers)), body: ReplyBody::Whole(body) }
    }

    /// Returns a reply with a whole response.
    pub fn response(status: StatusCode, headers: HeaderMap, body: Body) -> Self {
        let body = match body {
            Body::Full(bytes) => ReplyBody::Whole(bytes),
            stream => ReplyBody::Streaming(Arc::new(Mutex::new(Some(stream)))),
        };
        Self { head: Arc::new((status, headers)), body }
    }

    pub fn status(&self) -> StatusCode {
        self.head.0
    }

    pub fn headers(&self) -> &HeaderMap {
        &self.head.1
    }

    /// Receives a body in progress, so that several callers can have the reply. Dropping the future
    /// drops the body, which stops its source.
    ///
    /// # Errors
    /// If the body breaks off, or is longer than `limit` bytes.
    pub async fn gathered(self, limit: usize) -> Result<Self, Failure> {
        let Some(mut stream) = self.take_stream() else { return Ok(self) };
        let mut bytes = BytesMut::new();
        while let Some(frame) = stream.frame().await {
            let frame =
                frame.map_err(|error| Failure::lost(format!("the answer broke off: {error}")))?;
            if let Some(piece) = frame.data_ref() {
                if bytes.len() + piece.len() > limit {
                    return Err(Failure::raised(format!(
                        "the answer is longer than {limit} bytes, the most that is kept"
                    )));
                }
                bytes.extend_from_slice(piece);
            }
        }
        Ok(Self { head: self.head, body: ReplyBody::Whole(bytes.freeze()) })
    }

    /// Bytes of the body received so far.
    pub fn body_len(&self) -> usize {
        match &self.body {
            ReplyBody::Whole(bytes) => bytes.len(),
            ReplyBody::Streaming(_) => 0,
        }
    }

    /// Returns the body. The first caller gets a body in progress, later ones an empty body.
    pub fn into_body(self) -> Body {
        match &self.body {
            ReplyBody::Whole(bytes) => Body::Full(bytes.clone()),
            ReplyBody::Streaming(_) => self.take_stream().unwrap_or(Body::Full(Bytes::new())),
        }
    }

    /// Returns the whole response, with the body as in [`into_body`](Self::into_body).
    pub fn into_response(self) -> Response<Body> {
        let head = Arc::clone(&self.head);
        let mut response = Response::new(self.into_body());
        // Copied only if other callers have the reply as well.
        let (status, headers) = Arc::unwrap_or_clone(head);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }

    fn take_stream(&self) -> Option<Body> {
        match &self.body {
            ReplyBody::Whole(_) => None,
            ReplyBody::Streaming(body) => {
                body.lock().unwrap_or_else(PoisonError::into_inner).take()
            }
        }
    }
}

impl fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReplyBody::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            ReplyBody::Streaming(_) => f.write_str("Streaming"),
        }
    }
}
