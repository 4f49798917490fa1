//! Copies a request's head out of the read buffer.

use bytes::Bytes;
use http::HeaderValue;
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Uri};

/// Copies the parts of the head that are slices of the connection's read buffer, 8 KiB that could not be reused while
/// the head exists.
pub(super) fn detach(head: &mut Parts) {
    // A copy of a well-formed part is well-formed; otherwise the slice is kept.
    for value in head.headers.values_mut() {
        if let Ok(copy) = HeaderValue::from_bytes(value.as_bytes()) {
            *value = copy;
        }
    }
    let mut parts = head.uri.clone().into_parts();
    if let Some(path) = &mut parts.path_and_query
        && let Ok(copy) = PathAndQuery::from_maybe_shared(copy(path.as_str()))
    {
        *path = copy;
    }
    if let Some(authority) = &mut parts.authority
        && let Ok(copy) = Authority::from_maybe_shared(copy(authority.as_str()))
    {
        *authority = copy;
    }
    if let Ok(uri) = Uri::from_parts(parts) {
        head.uri = uri;
    }
}

fn copy(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use http::{Request, Version};

    use super::*;

    /// A head whose parts are pieces of a buffer, as they are where a head was read; with that buffer.
    fn read(uri: &'static str, values: [&'static str; 2]) -> (Parts, Bytes) {
        let buffer: Bytes = [uri, values[0], values[1]].concat().into();
        let (uri, rest) = (buffer.slice(..uri.len()), buffer.slice(uri.len()..));
        let (first, second) = (rest.slice(..values[0].len()), rest.slice(values[0].len()..));
        let request = Request::builder()
            .version(Version::HTTP_11)
            .uri(Uri::from_maybe_shared(uri).unwrap())
            .header("host", HeaderValue::from_maybe_shared(first).unwrap())
            .header("x-tag", HeaderValue::from_maybe_shared(second).unwrap());
        (request.body(()).unwrap().into_parts().0, buffer)
    }

    #[test]
    fn a_detached_head_says_the_same_and_keeps_nothing_of_the_buffer() {
        for uri in ["/a/b?c=%20d", "/", "*", "http://a.example/b?c", "http://a.example", "a:443"] {
            let (mut head, buffer) = read(uri, ["a.example", "caf\u{e9}"]);
            let (was, headers) = (head.uri.clone().to_string(), head.headers.clone());
            assert!(!buffer.is_unique());
            detach(&mut head);
            assert_eq!(head.uri.to_string(), was);
            assert_eq!(head.headers, headers);
            drop(headers);
            assert!(buffer.is_unique(), "{uri}");
        }
    }
}
