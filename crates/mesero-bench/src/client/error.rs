//! Reasons why a URL or a request is invalid.

use std::fmt;

use mesero_http::tls::TlsError;

/// An endpoint that cannot be used. Continues "failed to".
#[derive(Debug)]
pub enum EndpointError {
    Url { url: String, why: String },
    Request { what: String, why: String },
    Tls(TlsError),
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EndpointError::Url { url, why } => {
                write!(f, "measure `{url}`: {why}; wanted a URL such as http://localhost:8000/path")
            }
            EndpointError::Request { what, why } => write!(f, "send {what}: {why}"),
            EndpointError::Tls(error) => error.fmt(f),
        }
    }
}
