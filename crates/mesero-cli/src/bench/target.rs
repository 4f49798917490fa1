//! What is measured: a URL, the request that is sent there, and how it is reached.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Uri};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::OnceCell;

use super::outcome::{Fault, FaultKind};
use crate::resource::proxy::{Socket, Tls, TlsError, TlsSettings, Versions};

/// A URL, ready to be asked any number of times.
#[derive(Debug)]
pub(super) struct Target {
    host: String,
    port: u16,
    tls: Option<Tls>,
    pub(super) request: Bytes,
    pub(super) method: Method,
    /// Whether a new connection is made for each request.
    pub(super) connects_anew: bool,
    addresses: OnceCell<Vec<SocketAddr>>,
    /// The one of them that answered last.
    works: AtomicUsize,
}

/// What is asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    pub(super) method: Option<String>,
    /// As `NAME: VALUE`.
    pub(super) headers: Vec<String>,
    pub(super) body: Option<String>,
    pub(super) connects_anew: bool,
    /// Whom to trust over https, instead of whom the system does.
    pub(super) ca: Option<PathBuf>,
}

impl Target {
    /// Reads a URL, and makes the request.
    ///
    /// # Errors
    /// What is wrong with one or the other.
    pub(super) fn new(url: &str, request: &Request) -> Result<Self, TargetError> {
        let wrong = |why: &str| TargetError::Url { url: url.to_owned(), why: why.to_owned() };
        let uri = url.split('#').next().unwrap_or_default();
        let uri = Uri::from_str(uri).map_err(|error| wrong(&error.to_string()))?;
        let authority = uri.authority().ok_or_else(|| wrong("there is no host in it"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("a user in it is not sent; use -H 'Authorization: …'"));
        }
        let (is_tls, default_port) = match uri.scheme_str() {
            Some("http") => (false, 80),
            Some("https") => (true, 443),
            _ => return Err(wrong("it does not begin with `http://` or `https://`")),
        };
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let tls = match is_tls {
            true => {
                let settings = TlsSettings { ca: request.ca.clone(), server_name: host.clone() };
                Some(Tls::new(settings, Versions::Http1).map_err(TargetError::Tls)?)
            }
            false => None,
        };
        let method = request.method()?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self {
            host,
            port: authority.port_u16().unwrap_or(default_port),
            tls,
            request: request.bytes(&method, &path, authority.as_str())?,
            method,
            connects_anew: request.connects_anew,
            addresses: OnceCell::new(),
            works: AtomicUsize::new(0),
        })
    }

    /// Makes a connection.
    pub(super) async fn connect(&self) -> Result<Socket, Fault> {
        let stream = self.reach().await?;
        // A request is one write, and should not wait for the acknowledgement of another.
        stream.set_nodelay(true).map_err(|error| Fault::connecting(&error))?;
        match &self.tls {
            None => Ok(Socket::Clear(stream)),
            Some(tls) => match tls.over(stream).await {
                Ok(stream) => Ok(Socket::Tls(Box::new(stream))),
                Err(refused) => Err(Fault::new(FaultKind::Tls, refused)),
            },
        }
    }

    /// Tries each of the host's addresses, beginning with the one that answered last.
    async fn reach(&self) -> Result<TcpStream, Fault> {
        let addresses = self.addresses.get_or_try_init(|| self.look_up()).await?;
        let first = self.works.load(Relaxed);
        let mut fault = Fault::new(FaultKind::UnknownHost, "the name has no address");
        for turn in 0..addresses.len() {
            let index = (first + turn) % addresses.len();
            match TcpStream::connect(addresses[index]).await {
                Ok(stream) => {
                    self.works.store(index, Relaxed);
                    return Ok(stream);
                }
                Err(error) => fault = Fault::connecting(&error),
            }
        }
        Err(fault)
    }

    async fn look_up(&self) -> Result<Vec<SocketAddr>, Fault> {
        let found = lookup_host((self.host.as_str(), self.port)).await;
        let unknown = |error: io::Error| Fault::new(FaultKind::UnknownHost, error);
        Ok(found.map_err(unknown)?.collect())
    }
}

impl Request {
    fn method(&self) -> Result<Method, TargetError> {
        match &self.method {
            Some(method) => Method::from_str(method).map_err(|_| TargetError::Request {
                what: format!("the method `{method}` of -X"),
                why: "it is none".to_owned(),
            }),
            None if self.body.is_some() => Ok(Method::POST),
            None => Ok(Method::GET),
        }
    }

    /// The request as it is sent, head and body.
    fn bytes(&self, method: &Method, path: &str, authority: &str) -> Result<Bytes, TargetError> {
        let mut fields = Vec::new();
        for header in &self.headers {
            fields.push(field(header)?);
        }
        let mut head = format!("{method} {path} HTTP/1.1\r\n").into_bytes();
        let body = self.body.as_deref();
        let length = body.map(|body| body.len().to_string());
        let ours = [
            ("host", Some(authority)),
            ("user-agent", Some(concat!("mesero/", env!("CARGO_PKG_VERSION")))),
            ("accept", Some("*/*")),
            ("content-type", body.map(|_| "application/x-www-form-urlencoded")),
            ("content-length", length.as_deref()),
            ("connection", self.connects_anew.then_some("close")),
        ];
        let mut write = |name: &str, value: &[u8]| {
            for part in [name.as_bytes(), b": ", value, b"\r\n"] {
                head.extend_from_slice(part);
            }
        };
        for (name, value) in ours {
            let is_given = fields.iter().any(|(given, _)| given.as_str() == name);
            if let Some(value) = value.filter(|_| !is_given) {
                write(name, value.as_bytes());
            }
        }
        for (name, value) in &fields {
            write(name.as_str(), value.as_bytes());
        }
        head.extend_from_slice(b"\r\n");
        head.extend_from_slice(body.unwrap_or_default().as_bytes());
        Ok(head.into())
    }
}

/// Reads `NAME: VALUE`.
fn field(text: &str) -> Result<(HeaderName, HeaderValue), TargetError> {
    let wrong = |why: &str| TargetError::Request {
        what: format!("the header `{text}` of -H"),
        why: format!("{why}; wanted 'NAME: VALUE'"),
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

/// Why a target cannot be measured. Reads on after "failed to".
#[derive(Debug)]
pub(crate) enum TargetError {
    Url { url: String, why: String },
    Request { what: String, why: String },
    Tls(TlsError),
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TargetError::Url { url, why } => {
                write!(f, "measure `{url}`: {why}; wanted a URL such as http://localhost:8000/path")
            }
            TargetError::Request { what, why } => write!(f, "send {what}: {why}"),
            TargetError::Tls(error) => error.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str, request: &Request) -> String {
        let target = Target::new(url, request).unwrap();
        String::from_utf8(target.request.to_vec()).unwrap()
    }

    #[test]
    fn a_request_says_what_it_was_told_to_and_no_header_twice() {
        let plain = request("http://localhost:8000/a?b=c#d", &Request::default());
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            plain,
            format!(
                "GET /a?b=c HTTP/1.1\r\nhost: localhost:8000\r\nuser-agent: mesero/{version}\r\naccept: */*\r\n\r\n"
            )
        );
        let headers = vec!["Accept: text/plain".to_owned(), "Host: other".to_owned()];
        let body = Some("x=1".to_owned());
        let full = Request { headers, body, connects_anew: true, ..Request::default() };
        assert_eq!(
            request("http://[::1]", &full),
            format!(
                "POST / HTTP/1.1\r\nuser-agent: mesero/{version}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                 content-length: 3\r\nconnection: close\r\naccept: text/plain\r\nhost: other\r\n\r\nx=1"
            )
        );
    }

    #[test]
    fn what_cannot_be_measured_is_refused_with_its_name() {
        let error = |url: &str, header: &str| {
            let headers = (!header.is_empty()).then(|| header.to_owned()).into_iter().collect();
            let request = Request { headers, ..Request::default() };
            Target::new(url, &request).unwrap_err().to_string()
        };
        for url in
            ["localhost:8000", "ftp://host/", "http://", "/path", "http://a b/", "http://u:p@h/"]
        {
            assert!(
                error(url, "").starts_with(&format!("measure `{url}`: ")),
                "{}",
                error(url, "")
            );
        }
        for header in ["Host", "a b: c", "Content-Length: 3", "X: a\r\nY: b"] {
            let text = error("http://host/", header);
            assert!(text.starts_with(&format!("send the header `{header}` of -H: ")), "{text}");
        }
    }
}
