//! TLS to the upstream: trusted certificates, handshakes, and the messages of failed ones.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mesero::{Advice, Failure};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore, crypto::aws_lc_rs};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The versions of HTTP that are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
    /// Over TLS the version that the upstream prefers, without TLS HTTP/1.1.
    Negotiated,
}

/// The client side of TLS, for any number of connections.
#[derive(Clone)]
pub struct TlsClient {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl TlsClient {
    /// Reads the trusted certificates: those of the PEM file `ca` alone, or else those that the system trusts. The
    /// server's certificate must be for `server_name`.
    ///
    /// # Errors
    /// If there are none, or `server_name` cannot be in a certificate.
    pub fn new(ca: Option<&Path>, server_name: &str, versions: Versions) -> Result<Self, TlsError> {
        let name = ServerName::try_from(server_name.to_owned())
            .map_err(|_| TlsError::Name { name: server_name.to_owned() })?;
        let roots = match ca {
            Some(path) => from_file(path)?,
            None => from_system()?,
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Provider)?;
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        let protocols: &[&[u8]] = match versions {
            Versions::Http1 => &[b"http/1.1"],
            Versions::Http2 => &[b"h2"],
            Versions::Negotiated => &[b"h2", b"http/1.1"],
        };
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    /// Sets another server name.
    ///
    /// # Errors
    /// If the name cannot be in a certificate.
    pub fn named(mut self, name: &str) -> Result<Self, TlsError> {
        self.name = ServerName::try_from(name.to_owned())
            .map_err(|_| TlsError::Name { name: name.to_owned() })?;
        Ok(self)
    }

    /// Makes the handshake on a new connection. Dropping the future closes the connection.
    ///
    /// # Errors
    /// If the server's certificate is not accepted, or it does not speak TLS. No request has been sent.
    pub async fn over(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, HandshakeError> {
        let connected = self.connector.connect(self.name.clone(), stream).await;
        connected.map_err(|error| HandshakeError { error, name: self.name.to_str().into_owned() })
    }
}

fn from_file(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let bad = |why: String| TlsError::Authorities { path: path.to_owned(), why };
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        roots.add(certificate).map_err(|error| bad(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(bad("it holds no certificate in PEM form".to_owned()));
    }
    Ok(roots)
}

/// The certificates that the system trusts, which include the company's own authority where there is one.
fn from_system() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // System stores may contain certificates in obsolete forms; those are skipped.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map(ToString::to_string);
        return Err(TlsError::NoAuthorities { why });
    }
    Ok(roots)
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).finish_non_exhaustive()
    }
}

/// TLS settings that cannot be used. Continues "failed to".
#[derive(Debug)]
pub enum TlsError {
    Authorities { path: PathBuf, why: String },
    NoAuthorities { why: Option<String> },
    Name { name: String },
    Provider(rustls::Error),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsError::Authorities { path, why } => {
                write!(f, "read the trusted certificates in `{}`: {why}", path.display())
            }
            TlsError::NoAuthorities { why } => {
                f.write_str("find certificates that the system trusts")?;
                if let Some(why) = why {
                    write!(f, ": {why}")?;
                }
                f.write_str("; name a file of them with `ca`")
            }
            TlsError::Name { name } => write!(
                f,
                "look for `{name}` in certificates, which have names of hosts and addresses; set \
                 `tls_server_name` to the name in the server's certificate"
            ),
            TlsError::Provider(error) => write!(f, "prepare TLS: {error}"),
        }
    }
}

impl Error for TlsError {}

/// A handshake that failed.
#[derive(Debug)]
pub struct HandshakeError {
    error: std::io::Error,
    name: String,
}

impl HandshakeError {
    /// The failure of an attempt; a bad certificate is not retried.
    pub fn into_failure(self, authority: &str) -> Failure {
        let failure = Failure::unreachable(format!("connect to {authority} over TLS: {self}"));
        match self.reason() {
            Some(rustls::Error::InvalidCertificate(_)) => failure.advise(Advice::Never),
            _ => failure,
        }
    }

    fn reason(&self) -> Option<&rustls::Error> {
        self.error.get_ref()?.downcast_ref()
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { error, name } = self;
        match self.reason() {
            Some(rustls::Error::InvalidCertificate(certificate)) => match certificate {
                // The second: signed by another authority of the same name.
                CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                    f.write_str("its certificate is signed by an unknown authority")
                }
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    f.write_str("its certificate has expired")
                }
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    f.write_str("its certificate is not valid yet")
                }
                CertificateError::NotValidForName
                | CertificateError::NotValidForNameContext { .. } => {
                    write!(f, "its certificate is not for the name `{name}`")
                }
                CertificateError::Other(other) => match other.0.downcast_ref() {
                    // The default of `openssl req -x509`.
                    Some(webpki::Error::CaUsedAsEndEntity) => f.write_str(
                        "its certificate is an authority's (CA:TRUE), which a server must not use; \
                         sign a certificate for the server with it",
                    ),
                    _ => write!(f, "its certificate is not accepted: {other}"),
                },
                other => write!(f, "its certificate is not accepted: {other}"),
            },
            Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => {
                f.write_str("it offers no version of HTTP that is supported here")
            }
            Some(rustls::Error::InvalidMessage(_)) => f.write_str("the server does not speak TLS"),
            Some(reason) => write!(f, "{reason}"),
            None if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                f.write_str("it closed the connection during the handshake")
            }
            None => write!(f, "{error}"),
        }
    }
}
