//! The head of an application's answer.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use mesero::Failure;

/// A status and headers.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
}

impl Head {
    /// Reads what a worker says of the arguments of `start_response`.
    ///
    /// # Errors
    /// If there is no such status, or no such header can be sent.
    pub(super) fn read(payload: &Bytes) -> Result<Self, Failure> {
        let (status, pairs): (String, Vec<(String, String)>) = serde_json::from_slice(payload)
            .map_err(|error| Failure::lost(format!("the worker sent a head that is {error}")))?;
        let code = status.get(..3).unwrap_or_default();
        let status = StatusCode::from_bytes(code.as_bytes())
            .map_err(|_| unfit(&format!("the status `{status}`")))?;
        let mut headers = HeaderMap::with_capacity(pairs.len());
        for (name, value) in pairs {
            let named = HeaderName::from_bytes(name.as_bytes());
            let valued = latin_1(&value).and_then(|bytes| HeaderValue::from_bytes(&bytes).ok());
            match (named, valued) {
                (Ok(name), Some(value)) => headers.append(name, value),
                _ => return Err(unfit(&format!("the header `{name}: {value}`"))),
            };
        }
        Ok(Self { status, headers })
    }

    /// The announced length of the body.
    pub(super) fn content_length(&self) -> Option<u64> {
        self.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }
}

fn latin_1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect()
}

fn unfit(what: &str) -> Failure {
    Failure::raised(format!("the application answered with {what}, which HTTP does not know"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_keep_their_order_their_duplicates_and_their_bytes() {
        let payload = r#"["404 Nothing", [["Set-Cookie", "a=1"], ["X-Name", "café"], ["set-cookie", "b=2"], ["Content-Length", "12"]]]"#;
        let head = Head::read(&Bytes::from(payload)).unwrap();
        assert_eq!(head.status, StatusCode::NOT_FOUND);
        let cookies: Vec<_> = head.headers.get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
        assert_eq!(head.headers["x-name"].as_bytes(), b"caf\xe9");
        assert_eq!(head.content_length(), Some(12));
    }

    #[test]
    fn what_http_does_not_know_is_refused() {
        for payload in [r#"["000 x", []]"#, r#"["200 OK", [["a b", "c"]]]"#, "[]"] {
            assert!(Head::read(&Bytes::from(payload)).is_err(), "{payload}");
        }
    }
}
