//! Snapshots of responses, to check that all targets respond alike.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::response::Parts;
use http::{Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use mesero_terminal::output::visible;
use mesero_terminal::units;
use tokio::task::JoinSet;
use tokio::time;

use crate::client::Http2Connection;
use crate::client::endpoint::Endpoint;
use crate::client::request::EncodedRequest;

/// Longer bodies are not compared.
const MOST: usize = 16 * 1024 * 1024;

/// Status, content type and body of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResponseSnapshot {
    status: u16,
    content_type: String,
    body: Bytes,
}

/// The result of comparing two snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ResponseMatch {
    Same,
    /// The difference; continues "answers differ: ".
    Differ(String),
    /// A snapshot is missing.
    Unknown,
}

impl ResponseSnapshot {
    /// Sends the request once, outside of the measurement; none if no response arrives in time, or it is too long. The
    /// measurement that follows reports failures.
    ///
    /// Dropped, it closes the connection.
    pub(crate) async fn of(target: &Endpoint, timeout: Duration) -> Option<Self> {
        time::timeout(timeout, Self::send(target)).await.ok()?
    }

    async fn send(target: &Endpoint) -> Option<Self> {
        match &target.message {
            EncodedRequest::Http1(bytes) => Self::ask_over_http1(target, bytes).await,
            EncodedRequest::Http2 { .. } => Self::ask_over_http2(target).await,
        }
    }

    async fn ask_over_http1(target: &Endpoint, bytes: &[u8]) -> Option<Self> {
        let request = request(bytes)?;
        let socket = target.connect().await.ok()?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.ok()?;
        // Dropped with the function, it closes the connection.
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        let (head, body) = sender.send_request(request).await.ok()?.into_parts();
        let body = Limited::new(body, MOST).collect().await.ok()?.to_bytes();
        Some(Self::new(&head, body))
    }

    async fn ask_over_http2(target: &Endpoint) -> Option<Self> {
        let connection = Http2Connection::open(target).await.ok()?;
        let (head, mut pieces) = connection.response(target).await.ok()?.into_parts();
        let mut body = BytesMut::new();
        while let Some(piece) = pieces.next().await {
            body.extend_from_slice(&piece.ok()?);
            if body.len() > MOST {
                return None;
            }
        }
        Some(Self::new(&head, body.freeze()))
    }

    fn new(head: &Parts, body: Bytes) -> Self {
        let content_type = head.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.map(|value| String::from_utf8_lossy(value.as_bytes()));
        let content_type = content_type.unwrap_or_default().into_owned();
        Self { status: head.status.as_u16(), content_type, body }
    }
}

impl ResponseMatch {
    /// Compares a target's snapshot with the reference's.
    pub(crate) fn of(
        name: &str,
        snapshot: Option<&ResponseSnapshot>,
        reference: (&str, Option<&ResponseSnapshot>),
    ) -> Self {
        let (first, Some(theirs)) = reference else { return ResponseMatch::Unknown };
        let Some(ours) = snapshot else { return ResponseMatch::Unknown };
        if ours == theirs {
            return ResponseMatch::Same;
        }
        let differ = |ours: &str, theirs: &str| {
            let [ours, theirs] =
                [ours, theirs].map(|text| text.chars().flat_map(visible).collect::<String>());
            ResponseMatch::Differ(format!("{name} answers {ours}, and {first} {theirs}"))
        };
        if ours.status != theirs.status {
            return differ(&ours.status.to_string(), &theirs.status.to_string());
        }
        if ours.content_type != theirs.content_type {
            let quoted = |text: &str| format!("`Content-Type: {text}`");
            return differ(&quoted(&ours.content_type), &quoted(&theirs.content_type));
        }
        let at = ours.body.iter().zip(&theirs.body).take_while(|(ours, theirs)| ours == theirs);
        let at = at.count();
        let shown = |body: &Bytes| {
            let from = at.saturating_sub(10);
            let piece = body.get(from..body.len().min(at + 20)).unwrap_or_default();
            let dots = if from > 0 { "…" } else { "" };
            format!("{dots}{}", String::from_utf8_lossy(piece))
        };
        let length = |body: &Bytes| units::grouped(u64::try_from(body.len()).unwrap_or(u64::MAX));
        differ(
            &format!("{} bytes with `{}`", length(&ours.body), shown(&ours.body)),
            &format!("{} with `{}`", length(&theirs.body), shown(&theirs.body)),
        )
    }
}

/// The encoded request for the HTTP library.
fn request(bytes: &[u8]) -> Option<Request<Full<Bytes>>> {
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut head = httparse::Request::new(&mut fields);
    let length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        _ => return None,
    };
    let mut request = Request::builder().method(head.method?).uri(head.path?);
    for field in head.headers.iter() {
        request = request.header(field.name, field.value);
    }
    request.body(Full::new(Bytes::copy_from_slice(bytes.get(length..)?))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(status: u16, content_type: &str, body: &str) -> ResponseSnapshot {
        let body = Bytes::copy_from_slice(body.as_bytes());
        ResponseSnapshot { status, content_type: content_type.to_owned(), body }
    }

    #[test]
    fn what_differs_is_told_with_both() {
        let good = snapshot(200, "text/plain", "the sum of all of it is 12.30 euros");
        let of =
            |ours: &ResponseSnapshot| ResponseMatch::of("new", Some(ours), ("old", Some(&good)));
        assert_eq!(of(&good), ResponseMatch::Same);
        let differ = |ours: &ResponseSnapshot| match of(ours) {
            ResponseMatch::Differ(text) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(differ(&snapshot(404, "", "")), "new answers 404, and old 200");
        let text = differ(&snapshot(200, "text/html", ""));
        assert_eq!(
            text,
            "new answers `Content-Type: text/html`, and old `Content-Type: text/plain`"
        );
        let text = differ(&snapshot(200, "text/plain", "the sum of all of it is 12.29 euros\x1b"));
        assert_eq!(
            text,
            "new answers 36 bytes with `… it is 12.29 euros\\u{1b}`, and old 35 with `… it is 12.30 euros`"
        );
        let longer = snapshot(200, "text/plain", "the sum of all of it is 12.30 euros.");
        assert!(differ(&longer).starts_with("new answers 36 bytes with `…"), "{}", differ(&longer));
        assert_eq!(ResponseMatch::of("new", None, ("old", Some(&good))), ResponseMatch::Unknown);
    }

    #[test]
    fn the_request_is_the_one_that_is_measured() {
        let bytes = b"POST /a?b=c HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi";
        let request = request(bytes).unwrap();
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/a"));
        assert_eq!(request.headers()["host"], "x");
    }
}
