//! Errors of requests without a response.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use http::Request;

use super::request_body::RequestBody;

/// Reason why a request got no response.
#[derive(Debug)]
pub(super) enum SendError {
    /// Nothing was sent; the request is returned.
    NotSent(Box<Request<RequestBody>>),
    /// The upstream has not processed it, by its own account.
    Unprocessed(h2::Error),
    /// The upstream closed or reset the connection without a byte of a response.
    ConnectionDead(hyper::Error),
    /// The connection broke within the head of the response, or what arrived is no response.
    ConnectionBroken(hyper::Error),
    /// The stream or its connection broke.
    StreamBroken(h2::Error),
    /// The request's body broke off.
    RequestBodyFailed,
    /// It has no form in HTTP/2.
    NotTranslatable(http::Error),
    /// The upstream switched to another protocol without a request.
    SwitchedProtocols,
    /// The upstream answers no ping.
    Unresponsive,
    /// The response had not begun in time.
    FirstByteTimeout { after: Duration },
}

impl SendError {
    /// Returns true if the connection is known to have ended without a byte of a response, so that
    /// the upstream no longer works on a request that came over it.
    pub(super) fn is_silent_death(&self) -> bool {
        match self {
            SendError::ConnectionDead(_) => true,
            SendError::StreamBroken(error) => error.is_io(),
            _ => false,
        }
    }
}

impl From<h2::Error> for SendError {
    fn from(error: h2::Error) -> Self {
        // A GOAWAY covers the requests after the last processed one.
        let is_refused = error.reason() == Some(h2::Reason::REFUSED_STREAM);
        if error.is_remote() && (error.is_go_away() || (error.is_reset() && is_refused)) {
            Self::Unprocessed(error)
        } else {
            Self::StreamBroken(error)
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::NotSent(_) => {
                f.write_str("the upstream closed the connection before the request was sent")
            }
            SendError::Unprocessed(error) => {
                write!(f, "the upstream did not take the request: {error}")
            }
            SendError::ConnectionDead(error) | SendError::ConnectionBroken(error)
                if error.is_incomplete_message() =>
            {
                f.write_str("the upstream closed the connection before it answered")
            }
            SendError::ConnectionBroken(error) if error.is_parse() => {
                write!(f, "the upstream's answer is not HTTP/1.1: {error}")
            }
            SendError::ConnectionBroken(error) if error.is_user() => {
                SendError::RequestBodyFailed.fmt(f)
            }
            SendError::ConnectionDead(error) | SendError::ConnectionBroken(error) => {
                match error.source() {
                    Some(source) => write!(f, "the connection to the upstream broke: {source}"),
                    None => write!(f, "the connection to the upstream broke: {error}"),
                }
            }
            SendError::StreamBroken(error) if error.is_reset() => {
                write!(f, "the upstream reset the stream: {error}")
            }
            SendError::StreamBroken(error) => {
                write!(f, "the connection to the upstream broke: {error}")
            }
            SendError::RequestBodyFailed => f.write_str("the request's body broke off"),
            SendError::NotTranslatable(error) => {
                write!(f, "the request cannot be passed on over HTTP/2: {error}")
            }
            SendError::SwitchedProtocols => {
                f.write_str("the upstream switched to another protocol without a request for it")
            }
            SendError::Unresponsive => {
                f.write_str("the upstream did not answer a ping on the connection")
            }
            SendError::FirstByteTimeout { after } => {
                write!(f, "the upstream had not begun to answer {after:?} after the request")
            }
        }
    }
}
