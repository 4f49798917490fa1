//! A URL, the request that is sent there, and its connections.

use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use http::uri::Scheme;
use http::{Method, Uri};
use mesero_http::socket::MaybeTlsStream;
use mesero_http::tls::{TlsClient, Versions};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::OnceCell;

use crate::client::error::EndpointError;
use crate::client::request::{Destination, EncodedRequest, RequestSpec};
use crate::plan::Protocol;
use crate::stats::outcome::{Fault, FaultKind};

/// A URL with its request.
#[derive(Debug)]
pub(crate) struct Endpoint {
    host: String,
    port: u16,
    tls: Option<TlsClient>,
    pub(crate) protocol: Protocol,
    pub(crate) method: Method,
    pub(crate) message: EncodedRequest,
    /// Whether each request opens a new connection.
    pub(crate) new_connection_per_request: bool,
    addresses: OnceCell<Vec<SocketAddr>>,
    /// Index of the address that was reached last.
    preferred_address: AtomicUsize,
    /// The lowest stream limit of the server's HTTP/2 connections.
    stream_limit: AtomicUsize,
}

impl Endpoint {
    /// Reads a URL, and encodes the request.
    ///
    /// # Errors
    /// If the URL or the request is invalid.
    pub(crate) fn new(url: &str, request: &RequestSpec) -> Result<Self, EndpointError> {
        let invalid = |why: &str| EndpointError::Url { url: url.to_owned(), why: why.to_owned() };
        let uri = url.split('#').next().unwrap_or_default();
        let uri = Uri::from_str(uri).map_err(|error| invalid(&error.to_string()))?;
        let authority = uri.authority().ok_or_else(|| invalid("there is no host in it"))?;
        if authority.as_str().contains('@') {
            return Err(invalid("a user in it is not sent; use -H 'Authorization: …'"));
        }
        let (scheme, default_port) = match uri.scheme_str() {
            Some("http") => (Scheme::HTTP, 80),
            Some("https") => (Scheme::HTTPS, 443),
            _ => return Err(invalid("it does not begin with `http://` or `https://`")),
        };
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let tls = if scheme == Scheme::HTTPS {
            let versions = match request.protocol {
                Protocol::Http1 => Versions::Http1,
                Protocol::Http2 { .. } => Versions::Http2,
            };
            Some(
                TlsClient::new(request.ca.as_deref(), &host, versions)
                    .map_err(EndpointError::Tls)?,
            )
        } else {
            None
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let port = authority.port_u16().unwrap_or(default_port);
        let place = Destination { scheme, authority: authority.clone(), path };
        Ok(Self {
            host,
            port,
            tls,
            protocol: request.protocol,
            method: request.method()?,
            message: request.message(&place)?,
            new_connection_per_request: request.new_connection_per_request,
            addresses: OnceCell::new(),
            preferred_address: AtomicUsize::new(0),
            stream_limit: AtomicUsize::new(usize::MAX),
        })
    }

    /// Opens a connection, with TLS for https. Dropped, it closes the socket.
    pub(crate) async fn connect(&self) -> Result<MaybeTlsStream, Fault> {
        let stream = self.connect_tcp().await?;
        // A request is one write, which should not wait for the acknowledgement of another.
        stream.set_nodelay(true).map_err(|error| Fault::connecting(&error))?;
        match &self.tls {
            None => Ok(MaybeTlsStream::Clear(stream)),
            Some(tls) => {
                let stream = tls.over(stream).await;
                let stream = stream.map_err(|refused| Fault::new(FaultKind::Tls, refused))?;
                let chosen = stream.get_ref().1.alpn_protocol();
                // Servers without ALPN select no protocol.
                if matches!(self.protocol, Protocol::Http2 { .. }) && chosen != Some(b"h2") {
                    return Err(Fault::new(FaultKind::Tls, "it does not offer HTTP/2"));
                }
                Ok(MaybeTlsStream::Tls(Box::new(stream)))
            }
        }
    }

    /// Connects to one of the host's addresses, beginning with the address that was reached last. Dropped, it closes the
    /// socket.
    pub(crate) async fn connect_tcp(&self) -> Result<TcpStream, Fault> {
        let addresses = self.addresses.get_or_try_init(|| self.resolve()).await?;
        let first = self.preferred_address.load(Relaxed);
        let mut fault = Fault::new(FaultKind::UnknownHost, "the name has no address");
        for offset in 0..addresses.len() {
            let index = (first + offset) % addresses.len();
            match TcpStream::connect(addresses[index]).await {
                Ok(stream) => {
                    self.preferred_address.store(index, Relaxed);
                    return Ok(stream);
                }
                Err(error) => fault = Fault::connecting(&error),
            }
        }
        Err(fault)
    }

    /// Records the stream limit of a connection.
    pub(crate) fn record_stream_limit(&self, streams: usize) {
        self.stream_limit.fetch_min(streams, Relaxed);
    }

    /// Note for reports, if the server's stream limit is below the number of clients that share a connection.
    pub(crate) fn stream_limit_note(&self, clients: usize) -> Option<String> {
        let needed = self.protocol.streams().get().min(clients);
        let stream_limit = self.stream_limit.load(Relaxed);
        let streams = if stream_limit == 1 { "stream" } else { "streams" };
        (stream_limit < needed).then(|| {
            format!(
                "The server allows {stream_limit} concurrent {streams} on a connection, which {needed} clients share; the time \
                 that a request waits for a stream counts."
            )
        })
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, Fault> {
        let addresses = lookup_host((self.host.as_str(), self.port)).await;
        let unknown = |error: io::Error| Fault::new(FaultKind::UnknownHost, error);
        Ok(addresses.map_err(unknown)?.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_measured_is_refused_with_its_name() {
        let error = |url: &str, header: &str| {
            let headers = (!header.is_empty()).then(|| header.to_owned()).into_iter().collect();
            let request = RequestSpec { headers, ..RequestSpec::default() };
            Endpoint::new(url, &request).unwrap_err().to_string()
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
