//! The request to send to a URL, encoded for an HTTP version.

use std::path::PathBuf;
use std::str::FromStr;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, header};

use crate::client::error::EndpointError;
use crate::plan::Protocol;

/// The request, as typed.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestSpec {
    pub(crate) method: Option<String>,
    /// As `NAME: VALUE`.
    pub(crate) headers: Vec<String>,
    pub(crate) body: Option<String>,
    pub(crate) protocol: Protocol,
    /// Whether each request opens a new connection.
    pub(crate) new_connection_per_request: bool,
    /// Certificates to trust over https, instead of those that the system trusts.
    pub(crate) ca: Option<PathBuf>,
}

/// Scheme, host and path of a request.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
    /// Begins with a slash.
    pub(crate) path: String,
}

/// An encoded request, which can be sent any number of times.
#[derive(Debug)]
pub(crate) enum EncodedRequest {
    /// Head and body in bytes.
    Http1(Bytes),
    Http2 {
        head: Box<http::Request<()>>,
        body: Bytes,
    },
}

impl RequestSpec {
    /// The method; without one, POST with a body and GET without.
    ///
    /// # Errors
    /// If it is no method.
    pub(crate) fn method(&self) -> Result<Method, EndpointError> {
        match &self.method {
            Some(method) => Method::from_str(method)
                .map_err(|_| invalid(format!("the method `{method}` of -X"), "it is none")),
            None if self.body.is_some() => Ok(Method::POST),
            None => Ok(Method::GET),
        }
    }

    /// Encodes the request for its HTTP version.
    ///
    /// # Errors
    /// If the version cannot express it.
    pub(crate) fn message(
        &self,
        destination: &Destination,
    ) -> Result<EncodedRequest, EndpointError> {
        match self.protocol {
            Protocol::Http1 => self.bytes(destination).map(EncodedRequest::Http1),
            Protocol::Http2 { .. } => {
                let body = self.body.clone().unwrap_or_default().into();
                Ok(EncodedRequest::Http2 { head: Box::new(self.head(destination)?), body })
            }
        }
    }

    /// The headers: the given ones, and defaults that they do not override.
    fn fields(&self) -> Result<Vec<(HeaderName, HeaderValue)>, EndpointError> {
        let given = self.headers.iter().map(|text| field(text)).collect::<Result<Vec<_>, _>>()?;
        let body = self.body.as_deref();
        let defaults = [
            (
                header::USER_AGENT,
                Some(HeaderValue::from_static(concat!("mesero/", env!("CARGO_PKG_VERSION")))),
            ),
            (header::ACCEPT, Some(HeaderValue::from_static("*/*"))),
            (
                header::CONTENT_TYPE,
                body.map(|_| HeaderValue::from_static("application/x-www-form-urlencoded")),
            ),
            (header::CONTENT_LENGTH, body.map(|body| HeaderValue::from(body.len()))),
        ];
        let defaults = defaults.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let defaults = defaults.filter(|(name, _)| !given.iter().any(|(known, _)| known == name));
        Ok(defaults.collect::<Vec<_>>().into_iter().chain(given).collect())
    }

    /// Head and body in HTTP/1.1.
    fn bytes(
        &self,
        Destination { authority, path, .. }: &Destination,
    ) -> Result<Bytes, EndpointError> {
        let fields = self.fields()?;
        let mut bytes = format!("{} {path} HTTP/1.1\r\n", self.method()?).into_bytes();
        let mut write = |name: &HeaderName, value: &[u8]| {
            for part in [name.as_str().as_bytes(), b": ", value, b"\r\n"] {
                bytes.extend_from_slice(part);
            }
        };
        if !fields.iter().any(|(name, _)| name == header::HOST) {
            write(&header::HOST, authority.as_str().as_bytes());
        }
        fields.iter().for_each(|(name, value)| write(name, value.as_bytes()));
        if self.new_connection_per_request {
            write(&header::CONNECTION, b"close");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default().as_bytes());
        Ok(bytes.into())
    }

    /// The head in HTTP/2, where the host is a part of the URL (RFC 9113, 8.3.1).
    fn head(&self, destination: &Destination) -> Result<http::Request<()>, EndpointError> {
        let mut authority = destination.authority.clone();
        let mut headers = HeaderMap::new();
        for (name, value) in self.fields()? {
            let text = || format!("the header `{name}` of -H");
            if name == header::HOST {
                authority = Authority::try_from(value.as_bytes())
                    .map_err(|_| invalid(text(), "its value is no host"))?;
                continue;
            }
            // RFC 9113, 8.2.2.
            let is_of_connection = ["keep-alive", "proxy-connection"].contains(&name.as_str());
            if is_of_connection || name == header::TE && value != "trailers" {
                return Err(invalid(text(), "HTTP/2 has no such field"));
            }
            headers.append(name, value);
        }
        let path = PathAndQuery::from_str(&destination.path).map_err(|error| {
            invalid(format!("the path `{}`", destination.path), &error.to_string())
        })?;
        let mut parts = http::uri::Parts::default();
        (parts.scheme, parts.authority) = (Some(destination.scheme.clone()), Some(authority));
        parts.path_and_query = Some(path);
        let uri = Uri::from_parts(parts).map_err(|error| {
            invalid(format!("the path `{}`", destination.path), &error.to_string())
        })?;
        let mut head = http::Request::new(());
        (*head.method_mut(), *head.uri_mut()) = (self.method()?, uri);
        (*head.version_mut(), *head.headers_mut()) = (Version::HTTP_2, headers);
        Ok(head)
    }
}

/// Reads `NAME: VALUE`.
fn field(text: &str) -> Result<(HeaderName, HeaderValue), EndpointError> {
    let invalid = |why: &str| {
        invalid(format!("the header `{text}` of -H"), &format!("{why}; wanted 'NAME: VALUE'"))
    };
    let (name, value) = text.split_once(':').ok_or_else(|| invalid("there is no colon"))?;
    let name = HeaderName::from_str(name.trim()).map_err(|_| invalid("the name cannot be one"))?;
    let connection = ["connection", "content-length", "transfer-encoding", "expect", "upgrade"];
    if connection.contains(&name.as_str()) {
        return Err(invalid("it is about the connection, and is set by itself"));
    }
    let value =
        HeaderValue::from_str(value.trim()).map_err(|_| invalid("the value cannot be one"))?;
    Ok((name, value))
}

fn invalid(what: String, why: &str) -> EndpointError {
    EndpointError::Request { what, why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    const AGENT: &str = concat!("mesero/", env!("CARGO_PKG_VERSION"));

    fn destination(authority: &'static str, path: &str) -> Destination {
        let authority = Authority::from_static(authority);
        Destination { scheme: Scheme::HTTP, authority, path: path.to_owned() }
    }

    fn full() -> RequestSpec {
        let headers = vec!["Accept: text/plain".to_owned(), "Host: other".to_owned()];
        let body = Some("x=1".to_owned());
        RequestSpec { headers, body, new_connection_per_request: true, ..RequestSpec::default() }
    }

    fn over_http2(request: RequestSpec) -> RequestSpec {
        RequestSpec { protocol: Protocol::Http2 { streams: NonZeroUsize::MIN }, ..request }
    }

    fn bytes(request: &RequestSpec, destination: &Destination) -> String {
        match request.message(destination).unwrap() {
            EncodedRequest::Http1(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_has_the_given_headers_and_none_twice() {
        let plain = bytes(&RequestSpec::default(), &destination("localhost:8000", "/a?b=c"));
        let head = format!("host: localhost:8000\r\nuser-agent: {AGENT}\r\naccept: */*\r\n\r\n");
        assert_eq!(plain, format!("GET /a?b=c HTTP/1.1\r\n{head}"));
        assert_eq!(
            bytes(&full(), &destination("[::1]", "/")),
            format!(
                "POST / HTTP/1.1\r\nuser-agent: {AGENT}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                 content-length: 3\r\naccept: text/plain\r\nhost: other\r\nconnection: close\r\n\r\nx=1"
            )
        );
    }

    #[test]
    fn over_http2_the_headers_are_the_same_and_the_host_is_part_of_the_url() {
        let message = over_http2(full()).message(&destination("localhost:8000", "/a?b=c")).unwrap();
        let EncodedRequest::Http2 { head, body } = message else { panic!("{message:?}") };
        assert_eq!(
            (head.method(), head.uri().to_string()),
            (&Method::POST, "http://other/a?b=c".to_owned())
        );
        let mut fields: Vec<_> = head.headers().iter().collect();
        fields.sort_by_key(|(name, _)| name.as_str());
        let named = fields.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        assert_eq!(
            named.collect::<Vec<_>>(),
            [
                ("accept", "text/plain"),
                ("content-length", "3"),
                ("content-type", "application/x-www-form-urlencoded"),
                ("user-agent", AGENT),
            ]
        );
        assert_eq!(body, "x=1");
    }

    #[test]
    fn headers_that_http2_lacks_are_rejected_with_their_name() {
        let with = |header: &str| {
            let headers = vec![header.to_owned()];
            over_http2(RequestSpec { headers, ..RequestSpec::default() })
        };
        for header in ["Keep-Alive: 5", "TE: gzip", "Proxy-Connection: x", "Host: a b"] {
            let error = with(header).message(&destination("host", "/")).unwrap_err().to_string();
            let name = header.split(':').next().unwrap().to_lowercase();
            assert!(error.starts_with(&format!("send the header `{name}` of -H: ")), "{error}");
        }
        assert!(with("TE: trailers").message(&destination("host", "/")).is_ok());
    }
}
