//! Why a URL or its request cannot be used.

use std::fmt;

use mesero_http::tls::TlsError;

/// Why a target cannot be measured. Reads on after "failed to".
#[derive(Debug)]
pub enum TargetError {
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
