//! What is asked of a URL, in the words of the HTTP that is spoken.

use std::path::PathBuf;
use std::str::FromStr;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, header};

use crate::client::error::TargetError;
use crate::plan::Protocol;

/// What is asked, as it was written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) method: Option<String>,
    /// As `NAME: VALUE`.
    pub(crate) headers: Vec<String>,
    pub(crate) body: Option<String>,
    pub(crate) protocol: Protocol,
    /// Whether a new connection is made for each.
    pub(crate) connects_anew: bool,
    /// The certificates to trust over https, instead of those that the system trusts.
    pub(crate) ca: Option<PathBuf>,
}

/// Where it goes.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
    /// Begins with a slash.
    pub(crate) path: String,
}

/// A request that can be sent any number of times.
#[derive(Debug)]
pub(crate) enum Message {
    /// Its bytes, head and body.
    Http1(Bytes),
    Http2 {
        head: Box<http::Request<()>>,
        body: Bytes,
    },
}

impl Request {
    /// # Errors
    /// If it is none.
    pub(crate) fn method(&self) -> Result<Method, TargetError> {
        match &self.method {
            Some(method) => Method::from_str(method)
                .map_err(|_| wrong(format!("the method `{method}` of -X"), "it is none")),
            None if self.body.is_some() => Ok(Method::POST),
            None => Ok(Method::GET),
        }
    }

    /// The request in the words of its protocol.
    ///
    /// # Errors
    /// What cannot be said in them.
    pub(crate) fn message(&self, place: &Place) -> Result<Message, TargetError> {
        match self.protocol {
            Protocol::Http1 => self.bytes(place).map(Message::Http1),
            Protocol::Http2 { .. } => {
                let body = self.body.clone().unwrap_or_default().into();
                Ok(Message::Http2 { head: Box::new(self.head(place)?), body })
            }
        }
    }

    /// Ours, but for those that were given, and those.
    fn fields(&self) -> Result<Vec<(HeaderName, HeaderValue)>, TargetError> {
        let given = self.headers.iter().map(|text| field(text)).collect::<Result<Vec<_>, _>>()?;
        let body = self.body.as_deref();
        let ours = [
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
        let ours = ours.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let ours = ours.filter(|(name, _)| !given.iter().any(|(known, _)| known == name));
        Ok(ours.collect::<Vec<_>>().into_iter().chain(given).collect())
    }

    /// Head and body in HTTP/1.1.
    fn bytes(&self, Place { authority, path, .. }: &Place) -> Result<Bytes, TargetError> {
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
        if self.connects_anew {
            write(&header::CONNECTION, b"close");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default().as_bytes());
        Ok(bytes.into())
    }

    /// The head in HTTP/2, where the host is a part of the URL (RFC 9113, 8.3.1).
    fn head(&self, place: &Place) -> Result<http::Request<()>, TargetError> {
        let mut authority = place.authority.clone();
        let mut headers = HeaderMap::new();
        for (name, value) in self.fields()? {
            let text = || format!("the header `{name}` of -H");
            if name == header::HOST {
                authority = Authority::try_from(value.as_bytes())
                    .map_err(|_| wrong(text(), "its value is no host"))?;
                continue;
            }
            // RFC 9113, 8.2.2.
            let is_of_connection = ["keep-alive", "proxy-connection"].contains(&name.as_str());
            if is_of_connection || name == header::TE && value != "trailers" {
                return Err(wrong(text(), "HTTP/2 has no such field"));
            }
            headers.append(name, value);
        }
        let path = PathAndQuery::from_str(&place.path)
            .map_err(|error| wrong(format!("the path `{}`", place.path), &error.to_string()))?;
        let mut parts = http::uri::Parts::default();
        (parts.scheme, parts.authority) = (Some(place.scheme.clone()), Some(authority));
        parts.path_and_query = Some(path);
        let uri = Uri::from_parts(parts)
            .map_err(|error| wrong(format!("the path `{}`", place.path), &error.to_string()))?;
        let mut head = http::Request::new(());
        (*head.method_mut(), *head.uri_mut()) = (self.method()?, uri);
        (*head.version_mut(), *head.headers_mut()) = (Version::HTTP_2, headers);
        Ok(head)
    }
}

/// Reads `NAME: VALUE`.
fn field(text: &str) -> Result<(HeaderName, HeaderValue), TargetError> {
    let wrong = |why: &str| {
        wrong(format!("the header `{text}` of -H"), &format!("{why}; wanted 'NAME: VALUE'"))
    };
    let (name, value) = text.split_once(':').ok_or_else(|| wrong("there is no colon"))?;
    let name = HeaderName::from_str(name.trim()).map_err(|_| wrong("the name cannot be one"))?;
    let connection = ["connection", "content-length", "transfer-encoding", "expect", "upgrade"];
    if connection.contains(&name.as_str()) {
        return Err(wrong("it is about the connection, and is set by itself"));
    }
    let value =
        HeaderValue::from_str(value.trim()).map_err(|_| wrong("the value cannot be one"))?;
    Ok((name, value))
}

fn wrong(what: String, why: &str) -> TargetError {
    TargetError::Request { what, why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    const AGENT: &str = concat!("mesero/", env!("CARGO_PKG_VERSION"));

    fn place(authority: &'static str, path: &str) -> Place {
        let authority = Authority::from_static(authority);
        Place { scheme: Scheme::HTTP, authority, path: path.to_owned() }
    }

    fn full() -> Request {
        let headers = vec!["Accept: text/plain".to_owned(), "Host: other".to_owned()];
        let body = Some("x=1".to_owned());
        Request { headers, body, connects_anew: true, ..Request::default() }
    }

    fn over_http2(request: Request) -> Request {
        Request { protocol: Protocol::Http2 { streams: NonZeroUsize::MIN }, ..request }
    }

    fn bytes(request: &Request, place: &Place) -> String {
        match request.message(place).unwrap() {
            Message::Http1(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_says_what_it_was_told_to_and_no_header_twice() {
        let plain = bytes(&Request::default(), &place("localhost:8000", "/a?b=c"));
        let head = format!("host: localhost:8000\r\nuser-agent: {AGENT}\r\naccept: */*\r\n\r\n");
        assert_eq!(plain, format!("GET /a?b=c HTTP/1.1\r\n{head}"));
        assert_eq!(
            bytes(&full(), &place("[::1]", "/")),
            format!(
                "POST / HTTP/1.1\r\nuser-agent: {AGENT}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                 content-length: 3\r\naccept: text/plain\r\nhost: other\r\nconnection: close\r\n\r\nx=1"
            )
        );
    }

    #[test]
    fn the_same_is_said_over_http2_where_the_host_is_part_of_the_url() {
        let message = over_http2(full()).message(&place("localhost:8000", "/a?b=c")).unwrap();
        let Message::Http2 { head, body } = message else { panic!("{message:?}") };
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
    fn what_http2_does_not_know_is_refused_with_its_name() {
        let with = |header: &str| {
            let headers = vec![header.to_owned()];
            over_http2(Request { headers, ..Request::default() })
        };
        for header in ["Keep-Alive: 5", "TE: gzip", "Proxy-Connection: x", "Host: a b"] {
            let error = with(header).message(&place("host", "/")).unwrap_err().to_string();
            let name = header.split(':').next().unwrap().to_lowercase();
            assert!(error.starts_with(&format!("send the header `{name}` of -H: ")), "{error}");
        }
        assert!(with("TE: trailers").message(&place("host", "/")).is_ok());
    }
}
