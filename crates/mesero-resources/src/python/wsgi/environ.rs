//! A request as the environment of a WSGI application (PEP 3333).

use std::net::SocketAddr;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, Uri, Version, header};
use mesero_http::payload::Payload;

use crate::{Request, RequestContext};

/// Returns the environment as the payload of a REQUEST: names and values, a line each, without the
/// variables that are the same for all requests. `wsgi.input` is the form of the body.
///
/// No value has a line feed: HTTP allows none in a target or a header field, and paths are sent as
/// received, with percent signs. A variable may occur twice; the last one counts.
pub(super) fn of(request: &Request) -> Bytes {
    let RequestContext { head, prefix, peer } = &*request.context;
    let mut environ = Environ(BytesMut::with_capacity(USUAL_BYTES));
    let has_length = !matches!(request.body, Payload::Streaming(_));
    let came_in_chunks = head.headers.contains_key(header::TRANSFER_ENCODING);
    for name in head.headers.keys() {
        // The body has been received, so its coding no longer applies.
        if !(has_length && name == header::TRANSFER_ENCODING) {
            environ.header(&head.headers, name);
        }
    }
    environ.addresses(&head.headers, &head.uri, *peer);
    let protocol = match head.version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    };
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let (body, length) = match &request.body {
        Payload::Whole(bytes) if bytes.is_empty() => ("none", Some(0)),
        Payload::Whole(bytes) => ("whole", Some(bytes.len() as u64)),
        Payload::Stored(stored) => ("file", Some(stored.bytes())),
        Payload::Streaming(_) => ("coming", None),
    };
    environ.add("REQUEST_METHOD", &[head.method.as_str()]);
    environ.add("SCRIPT_NAME", &[prefix]);
    environ.add("PATH_INFO", &[head.uri.path()]);
    environ.add("QUERY_STRING", &[head.uri.query().unwrap_or_default()]);
    environ.add("REQUEST_URI", &[prefix, target]);
    environ.add("SERVER_PROTOCOL", &[protocol]);
    environ.add("SERVER_SOFTWARE", &[concat!("mesero/", env!("CARGO_PKG_VERSION"))]);
    if let Some(length) = length
        && (length > 0 || came_in_chunks)
    {
        environ.add("CONTENT_LENGTH", &[&length.to_string()]);
    }
    environ.add("wsgi.input", &[body]);
    environ.0.freeze()
}

/// Size of most environments; larger ones grow.
const USUAL_BYTES: usize = 1024;

/// Lines, each with its line feed.
struct Environ(BytesMut);

impl Environ {
    /// Adds a variable with these pieces as its value.
    fn add(&mut self, name: &str, value: &[&str]) {
        self.0.put_slice(name.as_bytes());
        self.0.put_u8(b'\n');
        for piece in value {
            self.0.put_slice(piece.as_bytes());
        }
        self.0.put_u8(b'\n');
    }

    /// Adds all values of a header as one variable.
    fn header(&mut self, headers: &HeaderMap, name: &HeaderName) {
        // Written with an underscore, a header could pose as another one.
        if name.as_str().contains('_') {
            return;
        }
        if !matches!(*name, header::CONTENT_TYPE | header::CONTENT_LENGTH) {
            self.0.put_slice(b"HTTP_");
        }
        self.0.extend(name.as_str().bytes().map(|letter| match letter {
            b'-' => b'_',
            letter => letter.to_ascii_uppercase(),
        }));
        self.0.put_u8(b'\n');
        let separator = if name == header::COOKIE { "; " } else { "," };
        for (index, value) in headers.get_all(name).iter().enumerate() {
            if index > 0 {
                self.0.put_slice(separator.as_bytes());
            }
            self.0.put_slice(value.as_bytes());
        }
        self.0.put_u8(b'\n');
    }

    /// Adds the addresses of server and client.
    fn addresses(&mut self, headers: &HeaderMap, uri: &Uri, peer: SocketAddr) {
        let host = match (uri.authority(), headers.get(header::HOST)) {
            (Some(authority), _) => {
                // HTTP/2 names the host here, and an absolute target overrules the header.
                self.add("HTTP_HOST", &[authority.as_str()]);
                authority.as_str()
            }
            // A host that is not text is left out; the application finds it in `HTTP_HOST`.
            (None, host) => host.and_then(|host| host.to_str().ok()).unwrap_or_default(),
        };
        let (server, port) = host_and_port(host);
        self.add("SERVER_NAME", &[server]);
        self.add("SERVER_PORT", &[port]);
        self.add("REMOTE_ADDR", &[&peer.ip().to_canonical().to_string()]);
        self.add("REMOTE_PORT", &[&peer.port().to_string()]);
    }
}

/// Returns the host and the port that a client named; the port defaults to 80.
fn host_and_port(host: &str) -> (&str, &str) {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
            (name, port)
        }
        Some((name, "")) => (name, "80"),
        _ => (host, "80"),
    };
    (if name.is_empty() { "localhost" } else { name }, port)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use http::HeaderValue;

    use super::*;

    fn environ(head: http::Request<()>, body: &'static str) -> BTreeMap<String, String> {
        let mut request = Request::of_arguments("");
        let (head, ()) = head.into_parts();
        let peer = ([192, 0, 2, 7], 4321).into();
        request.context = Arc::new(RequestContext { head, prefix: String::new(), peer });
        request.body = Payload::Whole(Bytes::from_static(body.as_bytes()));
        read(&request)
    }

    /// Reads the environment as the worker does, except for percent signs.
    fn read(request: &Request) -> BTreeMap<String, String> {
        let text: String = of(request).iter().map(|byte| char::from(*byte)).collect();
        let mut lines = text.split_terminator('\n').map(str::to_owned);
        std::iter::from_fn(|| Some((lines.next()?, lines.next()?))).collect()
    }

    #[test]
    fn paths_and_queries_stay_as_received() {
        let request = http::Request::get("/caf%C3%A9/a%2Fb%zz?q=%20+%C3%A9").body(()).unwrap();
        let environ = environ(request, "");
        assert_eq!(environ["PATH_INFO"], "/caf%C3%A9/a%2Fb%zz");
        assert_eq!(environ["QUERY_STRING"], "q=%20+%C3%A9");
        assert_eq!(environ["REQUEST_URI"], "/caf%C3%A9/a%2Fb%zz?q=%20+%C3%A9");
        assert_eq!(environ["SCRIPT_NAME"], "");
    }

    #[test]
    fn the_prefix_removed_by_the_route_is_the_script_name() {
        let mut request = Request::of_arguments("");
        let (head, ()) = http::Request::get("/x?q").body(()).unwrap().into_parts();
        let (prefix, peer) = ("/caf%C3%A9".to_owned(), ([192, 0, 2, 7], 4321).into());
        request.context = Arc::new(RequestContext { head, prefix, peer });
        let environ = read(&request);
        assert_eq!((&*environ["SCRIPT_NAME"], &*environ["PATH_INFO"]), ("/caf%C3%A9", "/x"));
        assert_eq!(environ["REQUEST_URI"], "/caf%C3%A9/x?q");
    }

    #[test]
    fn repeated_headers_are_joined_and_those_with_underscores_are_dropped() {
        let latin_1 = HeaderValue::from_bytes(b"caf\xe9").unwrap();
        let request = http::Request::get("/")
            .header("x-two", "1")
            .header("x-two", "2")
            .header("cookie", "a=1")
            .header("cookie", "b=2")
            .header("x_two", "3")
            .header("x-name", latin_1)
            .body(())
            .unwrap();
        let environ = environ(request, "");
        assert_eq!(environ["HTTP_X_TWO"], "1,2");
        assert_eq!(environ["HTTP_COOKIE"], "a=1; b=2");
        assert_eq!(environ["HTTP_X_NAME"], "caf\u{e9}");
    }

    #[test]
    fn a_body_that_came_in_chunks_has_its_length_and_no_body_has_none() {
        let chunked = http::Request::post("/").header("transfer-encoding", "chunked");
        let chunked = environ(chunked.body(()).unwrap(), "abc");
        assert_eq!(chunked["CONTENT_LENGTH"], "3");
        assert!(!chunked.contains_key("HTTP_TRANSFER_ENCODING"));
        assert_eq!(chunked["wsgi.input"], "whole");
        let none = environ(http::Request::get("/").body(()).unwrap(), "");
        assert!(!none.contains_key("CONTENT_LENGTH"));
        assert_eq!(none["wsgi.input"], "none");
    }

    #[test]
    fn the_host_of_the_target_overrules_the_header() {
        let request = http::Request::get("http://a.example:81/x").header("host", "b.example");
        let environ = environ(request.body(()).unwrap(), "");
        assert_eq!(
            (&*environ["HTTP_HOST"], &*environ["SERVER_NAME"]),
            ("a.example:81", "a.example")
        );
        assert_eq!((&*environ["SERVER_PORT"], &*environ["PATH_INFO"]), ("81", "/x"));
    }

    #[test]
    fn the_server_is_the_host_that_the_client_named() {
        for (host, name, port) in [
            ("example.org", "example.org", "80"),
            ("example.org:8080", "example.org", "8080"),
            ("[::1]:81", "[::1]", "81"),
            ("[::1]", "[::1]", "80"),
            ("", "localhost", "80"),
        ] {
            assert_eq!(host_and_port(host), (name, port), "{host}");
        }
    }
}
