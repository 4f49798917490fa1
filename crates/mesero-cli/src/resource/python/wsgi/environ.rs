//! A request as the environment of a WSGI application (PEP 3333).
//!
//! Texts in it stand for bytes, each character for the byte of its number: that is what `Latin1`
//! makes of bytes, and what `json` in Python reads back.

use std::collections::BTreeMap;

use http::{HeaderMap, Version, header};
use percent_encoding::percent_decode_str;

use crate::resource::payload::Payload;
use crate::resource::{Asked, Order};

/// The environment, without what is the same for all requests. `wsgi.input` says how the body comes.
pub(super) fn of(order: &Order) -> BTreeMap<String, String> {
    let Asked { head, prefix, peer } = &*order.request;
    let mut environ = headers(&head.headers);
    let authority = head.uri.authority().map(http::uri::Authority::as_str);
    if let Some(authority) = authority {
        // HTTP/2 names the host here, and an absolute target overrules the header.
        environ.insert("HTTP_HOST".to_owned(), authority.to_owned());
    }
    let host = environ.get("HTTP_HOST").map_or("", String::as_str);
    let (server, port) = host_and_port(host);
    let (server, port) = (server.to_owned(), port.to_owned());
    let protocol = match head.version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    };
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let decoded = |path: &str| latin_1(&percent_decode_str(path).collect::<Vec<_>>());
    let body = match &order.body {
        Payload::Whole(bytes) if bytes.is_empty() => "none",
        Payload::Whole(_) => "whole",
        Payload::Stored(_) => "file",
        Payload::Coming(_) => "coming",
    };
    let variables = [
        ("REQUEST_METHOD", head.method.as_str().to_owned()),
        ("SCRIPT_NAME", decoded(prefix)),
        ("PATH_INFO", decoded(head.uri.path())),
        ("QUERY_STRING", latin_1(head.uri.query().unwrap_or_default().as_bytes())),
        ("REQUEST_URI", prefix.clone() + &latin_1(target.as_bytes())),
        ("REMOTE_ADDR", peer.ip().to_canonical().to_string()),
        ("REMOTE_PORT", peer.port().to_string()),
        ("SERVER_NAME", server),
        ("SERVER_PORT", port),
        ("SERVER_PROTOCOL", protocol.to_owned()),
        ("SERVER_SOFTWARE", concat!("mesero/", env!("CARGO_PKG_VERSION")).to_owned()),
        ("wsgi.input", body.to_owned()),
    ];
    environ.extend(variables.map(|(name, value)| (name.to_owned(), value)));
    // Now that it has been received, its length is known even if it came in chunks.
    let length = match &order.body {
        Payload::Whole(bytes) => bytes.len() as u64,
        Payload::Stored(stored) => stored.bytes(),
        Payload::Coming(_) => return environ,
    };
    if environ.remove("HTTP_TRANSFER_ENCODING").is_some() || length > 0 {
        environ.insert("CONTENT_LENGTH".to_owned(), length.to_string());
    }
    environ
}

fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut environ = BTreeMap::new();
    for name in headers.keys() {
        // Written with an underscore, a header could pose as another one.
        if name.as_str().contains('_') {
            continue;
        }
        let values = headers.get_all(name).iter().map(|value| latin_1(value.as_bytes()));
        let (variable, separator) = match *name {
            header::CONTENT_TYPE => ("CONTENT_TYPE".to_owned(), ","),
            header::CONTENT_LENGTH => ("CONTENT_LENGTH".to_owned(), ","),
            header::COOKIE => ("HTTP_COOKIE".to_owned(), "; "),
            _ => {
                let name = name.as_str().to_ascii_uppercase().replace('-', "_");
                (format!("HTTP_{name}"), ",")
            }
        };
        environ.insert(variable, values.collect::<Vec<_>>().join(separator));
    }
    environ
}

/// The host and the port that a client named; 80 if it named none.
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

fn latin_1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use http::{HeaderValue, Request};

    use super::*;

    fn environ(request: Request<()>, body: &'static str) -> BTreeMap<String, String> {
        let mut order = Order::of_arguments("");
        let (head, ()) = request.into_parts();
        let peer = ([192, 0, 2, 7], 4321).into();
        order.request = Arc::new(Asked { head, prefix: String::new(), peer });
        order.body = Payload::Whole(Bytes::from_static(body.as_bytes()));
        of(&order)
    }

    #[test]
    fn a_path_is_decoded_to_bytes_and_a_query_is_left_as_it_came() {
        let request = Request::get("/caf%C3%A9/a%2Fb%zz?q=%20+%C3%A9").body(()).unwrap();
        let environ = environ(request, "");
        assert_eq!(environ["PATH_INFO"], "/caf\u{c3}\u{a9}/a/b%zz");
        assert_eq!(environ["QUERY_STRING"], "q=%20+%C3%A9");
        assert_eq!(environ["REQUEST_URI"], "/caf%C3%A9/a%2Fb%zz?q=%20+%C3%A9");
        assert_eq!(environ["SCRIPT_NAME"], "");
    }

    #[test]
    fn what_the_route_took_off_the_path_is_the_name_of_the_script() {
        let mut order = Order::of_arguments("");
        let (head, ()) = Request::get("/x?q").body(()).unwrap().into_parts();
        let (prefix, peer) = ("/caf%C3%A9".to_owned(), ([192, 0, 2, 7], 4321).into());
        order.request = Arc::new(Asked { head, prefix, peer });
        let environ = of(&order);
        assert_eq!((&*environ["SCRIPT_NAME"], &*environ["PATH_INFO"]), ("/caf\u{c3}\u{a9}", "/x"));
        assert_eq!(environ["REQUEST_URI"], "/caf%C3%A9/x?q");
    }

    #[test]
    fn repeated_headers_are_joined_and_those_with_underscores_are_dropped() {
        let latin_1 = HeaderValue::from_bytes(b"caf\xe9").unwrap();
        let request = Request::get("/")
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
        let chunked = Request::post("/").header("transfer-encoding", "chunked");
        let chunked = environ(chunked.body(()).unwrap(), "abc");
        assert_eq!(chunked["CONTENT_LENGTH"], "3");
        assert!(!chunked.contains_key("HTTP_TRANSFER_ENCODING"));
        assert_eq!(chunked["wsgi.input"], "whole");
        let none = environ(Request::get("/").body(()).unwrap(), "");
        assert!(!none.contains_key("CONTENT_LENGTH"));
        assert_eq!(none["wsgi.input"], "none");
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
