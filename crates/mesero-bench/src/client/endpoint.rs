//! What is measured: a URL, the request that is sent there, and how it is reached.

use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use http::uri::Scheme;
use http::{Method, Uri};
use mesero_http::socket::Socket;
use mesero_http::tls::{Tls, Versions};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::OnceCell;

use crate::client::error::TargetError;
use crate::client::request::{Message, Place, Request};
use crate::plan::Protocol;
use crate::stats::outcome::{Fault, FaultKind};

/// A URL, ready to be asked any number of times.
#[derive(Debug)]
pub(crate) struct Target {
    host: String,
    port: u16,
    tls: Option<Tls>,
    pub(crate) protocol: Protocol,
    pub(crate) method: Method,
    pub(crate) message: Message,
    /// Whether a new connection is made for each request.
    pub(crate) connects_anew: bool,
    addresses: OnceCell<Vec<SocketAddr>>,
    /// The one of them that answered last.
    works: AtomicUsize,
    /// The fewest streams that the server has taken at once on a connection of HTTP/2.
    granted: AtomicUsize,
}

impl Target {
    /// Reads a URL, and makes the request.
    ///
    /// # Errors
    /// What is wrong with one or the other.
    pub(crate) fn new(url: &str, request: &Request) -> Result<Self, TargetError> {
        let wrong = |why: &str| TargetError::Url { url: url.to_owned(), why: why.to_owned() };
        let uri = url.split('#').next().unwrap_or_default();
        let uri = Uri::from_str(uri).map_err(|error| wrong(&error.to_string()))?;
        let authority = uri.authority().ok_or_else(|| wrong("there is no host in it"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("a user in it is not sent; use -H 'Authorization: …'"));
        }
        let (scheme, default_port) = match uri.scheme_str() {
            Some("http") => (Scheme::HTTP, 80),
            Some("https") => (Scheme::HTTPS, 443),
            _ => return Err(wrong("it does not begin with `http://` or `https://`")),
        };
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let tls = match scheme == Scheme::HTTPS {
            true => {
                let versions = match request.protocol {
                    Protocol::Http1 => Versions::Http1,
                    Protocol::Http2 { .. } => Versions::Http2,
                };
                let tls = Tls::new(request.ca.as_deref(), &host, versions);
                Some(tls.map_err(TargetError::Tls)?)
            }
            false => None,
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let port = authority.port_u16().unwrap_or(default_port);
        let place = Place { scheme, authority: authority.clone(), path };
        Ok(Self {
            host,
            port,
            tls,
            protocol: request.protocol,
            method: request.method()?,
            message: request.message(&place)?,
            connects_anew: request.connects_anew,
            addresses: OnceCell::new(),
            works: AtomicUsize::new(0),
            granted: AtomicUsize::new(usize::MAX),
        })
    }

    /// Makes a connection.
    pub(crate) async fn connect(&self) -> Result<Socket, Fault> {
        let stream = self.reach().await?;
        // A request is one write, and should not wait for the acknowledgement of another.
        stream.set_nodelay(true).map_err(|error| Fault::connecting(&error))?;
        match &self.tls {
            None => Ok(Socket::Clear(stream)),
            Some(tls) => {
                let stream = tls.over(stream).await;
                let stream = stream.map_err(|refused| Fault::new(FaultKind::Tls, refused))?;
                let chosen = stream.get_ref().1.alpn_protocol();
                // A server that knows nothing of versions chooses none.
                if matches!(self.protocol, Protocol::Http2 { .. }) && chosen != Some(b"h2") {
                    return Err(Fault::new(FaultKind::Tls, "it does not offer HTTP/2"));
                }
                Ok(Socket::Tls(Box::new(stream)))
            }
        }
    }

    /// Tries each of the host's addresses, beginning with the one that answered last.
    pub(crate) async fn reach(&self) -> Result<TcpStream, Fault> {
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

    /// On a connection the server takes so many streams at once.
    pub(crate) fn grants(&self, streams: usize) {
        self.granted.fetch_min(streams, Relaxed);
    }

    /// What is to be known where the server takes fewer streams than clients share a connection, of
    /// so many clients in all.
    pub(crate) fn narrowness(&self, clients: usize) -> Option<String> {
        let wanted = self.protocol.streams().get().min(clients);
        let granted = self.granted.load(Relaxed);
        let streams = if granted == 1 { "stream" } else { "streams" };
        (granted < wanted).then(|| {
            format!(
                "The server takes {granted} {streams} at once on a connection, which {wanted} clients share; the \
                 time that one of them waits for a stream is counted."
            )
        })
    }

    async fn look_up(&self) -> Result<Vec<SocketAddr>, Fault> {
        let found = lookup_host((self.host.as_str(), self.port)).await;
        let unknown = |error: io::Error| Fault::new(FaultKind::UnknownHost, error);
        Ok(found.map_err(unknown)?.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
