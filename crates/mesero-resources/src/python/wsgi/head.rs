//! The head of an application's response.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use mesero::Failure;

/// Room for the headers of most responses, and for added ones.
const HEADERS: usize = 12;

/// A status and headers.
#[derive(Debug)]
pub(super) struct ResponseHead {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
}

impl ResponseHead {
    /// Reads the arguments of `start_response`, as a worker sends them.
    ///
    /// # Errors
    /// If the status or a header is not valid in HTTP.
    pub(super) fn read(payload: &Bytes) -> Result<Self, Failure> {
        let mut lines = payload.split(|byte| *byte == b'\n');
        let code = lines.next().unwrap_or_default();
        let status = StatusCode::from_bytes(code)
            .map_err(|_| unfit(&format!("the status `{}`", code.escape_ascii())))?;
        let mut headers = HeaderMap::with_capacity(HEADERS);
        while let Some(name) = lines.next() {
            let value = lines.next().unwrap_or_default();
            match (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
                (Ok(name), Ok(value)) => headers.append(name, value),
                _ => {
                    let (name, value) = (name.escape_ascii(), value.escape_ascii());
                    return Err(unfit(&format!("the header `{name}: {value}`")));
                }
            };
        }
        Ok(Self { status, headers })
    }

    /// Returns the announced length of the body.
    pub(super) fn content_length(&self) -> Option<u64> {
        self.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }
}

fn unfit(what: &str) -> Failure {
    Failure::raised(format!("the application answered with {what}, which is not valid in HTTP"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_keep_their_order_their_duplicates_and_their_bytes() {
        let payload = b"404\nSet-Cookie\na=1\nX-Name\ncaf\xe9\nset-cookie\nb=2\nContent-Length\n12";
        let head = ResponseHead::read(&Bytes::from_static(payload)).unwrap();
        assert_eq!(head.status, StatusCode::NOT_FOUND);
        let cookies: Vec<_> = head.headers.get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
        assert_eq!(head.headers["x-name"].as_bytes(), b"caf\xe9");
        assert_eq!(head.content_length(), Some(12));
    }

    #[test]
    fn invalid_statuses_and_headers_are_rejected() {
        for payload in ["000", "200\na b\nc", "200\na\nb\0", "200\n", "20", ""] {
            assert!(
                ResponseHead::read(&Bytes::from_static(payload.as_bytes())).is_err(),
                "{payload}"
            );
        }
    }
}
