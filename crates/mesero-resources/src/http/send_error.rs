//! Why a request got no answer.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use http::Request;

use super::request_body::RequestBody;

/// Why a request got no answer.
#[derive(Debug)]
pub(super) enum SendError {
    /// Nothing of it was sent, and here it is again.
    NotSent(Box<Request<RequestBody>>),
    /// The upstream says that it has not looked at it.
    Unprocessed(h2::Error),
    /// The connection broke before the head of the answer was there.
    ConnectionBroken(hyper::Error),
    /// The stream did, or the connection that it belongs to.
    StreamBroken(h2::Error),
    /// The request's body broke off.
    RequestBodyFailed,
    /// It cannot be said over HTTP/2.
    NotTranslatable(http::Error),
    /// It goes on in another protocol, which nobody has asked for.
    SwitchedProtocols,
    /// The answer had not begun in time.
    FirstByteTimeout { after: Duration },
}

impl From<h2::Error> for SendError {
    fn from(error: h2::Error) -> Self {
        // What a GOAWAY takes with it comes after the last request that was looked at.
        let is_refused = error.reason() == Some(h2::Reason::REFUSED_STREAM);
        match error.is_remote() && (error.is_go_away() || (error.is_reset() && is_refused)) {
            true => Self::Unprocessed(error),
            false => Self::StreamBroken(error),
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
            SendError::ConnectionBroken(error) if error.is_incomplete_message() => {
                f.write_str("the upstream closed the connection before it answered")
            }
            SendError::ConnectionBroken(error) if error.is_parse() => {
                write!(f, "the upstream's answer is not HTTP/1.1: {error}")
            }
            SendError::ConnectionBroken(error) if error.is_user() => {
                SendError::RequestBodyFailed.fmt(f)
            }
            SendError::ConnectionBroken(error) => match error.source() {
                Some(source) => write!(f, "the connection to the upstream broke: {source}"),
                None => write!(f, "the connection to the upstream broke: {error}"),
            },
            SendError::StreamBroken(error) if error.is_reset() => {
                write!(f, "the upstream broke the exchange off: {error}")
            }
            SendError::StreamBroken(error) => {
                write!(f, "the connection to the upstream broke: {error}")
            }
            SendError::RequestBodyFailed => f.write_str("the request's body broke off"),
            SendError::NotTranslatable(error) => {
                write!(f, "the request cannot be passed on over HTTP/2: {error}")
            }
            SendError::SwitchedProtocols => {
                f.write_str("the upstream switched to another protocol, which was not asked for")
            }
            SendError::FirstByteTimeout { after } => {
                write!(f, "the upstream had not begun to answer {after:?} after the request")
            }
        }
    }
}
