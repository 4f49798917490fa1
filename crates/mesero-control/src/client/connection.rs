//! A client of the control plane: one connection, one request, one answer.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Timeout of a request; the control plane answers in milliseconds.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The control plane's address, and the token for it.
#[derive(Debug)]
pub(super) struct ControlClient {
    authority: Authority,
    authorization: Option<HeaderValue>,
}

impl ControlClient {
    /// Reads the token file, if there is one; does not connect yet.
    pub(super) fn new(url: &str, token_file: Option<&Path>) -> Result<Self, ClientError> {
        let authority = authority(url).ok_or_else(|| ClientError::Address(url.to_owned()))?;
        let authorization = token_file.map(authorization).transpose()?;
        Ok(Self { authority, authorization })
    }

    /// Sends a request on a connection of its own, and returns the body of a successful answer. Dropping the future closes
    /// the connection; the control plane may still carry out a request that was sent.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<Bytes, ClientError> {
        let request = self.request(method, path, body)?;
        let answer = async {
            let stream = self.connect().await?;
            self.send(stream, request).await.map_err(|error| self.broken(&error))
        };
        let (status, body) = timeout(TIMEOUT, answer)
            .await
            .map_err(|_| ClientError::Silent { at: self.authority.to_string() })??;
        if status.is_success() { Ok(body) } else { Err(self.refused(status, &body)) }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<Request<Full<Bytes>>, ClientError> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.authority.as_str())
            .header(header::CONNECTION, "close");
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        request.body(Full::from(body)).map_err(|error| self.not_understood(&error.to_string()))
    }

    async fn connect(&self) -> Result<TcpStream, ClientError> {
        let host = self.authority.host().trim_matches(['[', ']']);
        let port = self.authority.port_u16().unwrap_or(80);
        TcpStream::connect((host, port))
            .await
            .map_err(|error| ClientError::Unreachable { at: self.authority.to_string(), error })
    }

    async fn send(
        &self,
        stream: TcpStream,
        request: Request<Full<Bytes>>,
    ) -> hyper::Result<(StatusCode, Bytes)> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let answer = async move {
            let response = sender.send_request(request).await?;
            let status = response.status();
            Ok((status, response.into_body().collect().await?.to_bytes()))
        };
        // The sender is dropped with the answer, so that the connection ends then.
        let (answer, _) = tokio::join!(answer, connection);
        answer
    }

    fn refused(&self, status: StatusCode, body: &[u8]) -> ClientError {
        match serde_json::from_slice(body) {
            Ok(ProblemDetail { detail }) => ClientError::Refused { status, detail },
            Err(_) => self.not_understood(&format!("it answered {status}")),
        }
    }

    fn broken(&self, error: &hyper::Error) -> ClientError {
        self.not_understood(&error.to_string())
    }

    /// The error for an answer that is not a control plane's.
    pub(super) fn not_understood(&self, what: &str) -> ClientError {
        ClientError::NotUnderstood { at: self.authority.to_string(), what: what.to_owned() }
    }
}

fn authority(url: &str) -> Option<Authority> {
    let uri: Uri = url.parse().ok()?;
    let plain = uri.scheme().is_none_or(|scheme| *scheme == Scheme::HTTP);
    let bare = uri.query().is_none() && matches!(uri.path(), "" | "/");
    uri.authority().filter(|authority| plain && bare && !authority.as_str().contains('@')).cloned()
}

fn authorization(file: &Path) -> Result<HeaderValue, ClientError> {
    let unusable = |error| ClientError::Token { file: file.to_owned(), error };
    let token = fs::read_to_string(file).map_err(unusable)?;
    let token = token.trim();
    if token.is_empty() {
        return Err(unusable(io::Error::other("it is empty")));
    }
    let mut value = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| unusable(io::Error::other("a token is one line of visible characters")))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The part of a problem that is printed.
#[derive(Debug, Deserialize)]
struct ProblemDetail {
    detail: String,
}

/// A request without a usable answer.
#[derive(Debug)]
pub(super) enum ClientError {
    Address(String),
    Token { file: PathBuf, error: io::Error },
    Unreachable { at: String, error: io::Error },
    Silent { at: String },
    NotUnderstood { at: String, what: String },
    Refused { status: StatusCode, detail: String },
}

impl ClientError {
    /// True if the job or resource does not exist or has finished.
    pub(super) fn is_not_found(&self) -> bool {
        let gone = |status| matches!(status, StatusCode::NOT_FOUND | StatusCode::CONFLICT);
        matches!(self, ClientError::Refused { status, .. } if gone(*status))
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Address(url) => write!(
                f,
                "--control (or MESERO_CONTROL) must be like http://127.0.0.1:9888, and is {url:?}"
            ),
            ClientError::Token { file, error } => {
                write!(f, "the token file {} cannot be used: {error}", file.display())
            }
            ClientError::Unreachable { at, error } => write!(
                f,
                "no control listener can be reached at {at}: {error}; start `mesero serve`, or set \
                 its address with --control"
            ),
            ClientError::Silent { at } => write!(
                f,
                "the control listener at {at} did not answer within {} s; check that a mesero \
                 listens there",
                TIMEOUT.as_secs()
            ),
            ClientError::NotUnderstood { at, what } => {
                write!(
                    f,
                    "the server at {at} does not answer as a control listener of mesero: {what}"
                )
            }
            ClientError::Refused { status: StatusCode::UNAUTHORIZED, .. } => f.write_str(
                "the control listener requires its token: name the file with --token-file",
            ),
            ClientError::Refused { detail, .. } => f.write_str(detail),
        }
    }
}

impl std::error::Error for ClientError {}
