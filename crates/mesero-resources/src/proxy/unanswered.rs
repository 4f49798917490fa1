//! Why a request got no answer.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use http::Request;

use super::outgoing::Outgoing;

/// Why a request got no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// Nothing of it was sent, and here it is again.
    HandedBack(Box<Request<Outgoing>>),
    /// The upstream says that it has not looked at it.
    Unprocessed(h2::Error),
    /// The connection broke before the head of the answer was there.
    Broken(hyper::Error),
    /// The stream did, or the connection that it belongs to.
    BrokenStream(h2::Error),
    /// The request's body broke off.
    BodyBroke,
    /// It cannot be said over HTTP/2.
    Unsayable(http::Error),
    /// It goes on in another protocol, which nobody has asked for.
    Switched,
    /// The answer had not begun in time.
    TooLate { after: Duration },
}

impl From<h2::Error> for Unanswered {
    fn from(error: h2::Error) -> Self {
        // What a GOAWAY takes with it comes after the last request that was looked at.
        let is_refused = error.reason() == Some(h2::Reason::REFUSED_STREAM);
        match error.is_remote() && (error.is_go_away() || (error.is_reset() && is_refused)) {
            true => Self::Unprocessed(error),
            false => Self::BrokenStream(error),
        }
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unanswered::HandedBack(_) => {
                f.write_str("the upstream closed the connection before the request was sent")
            }
            Unanswered::Unprocessed(error) => {
                write!(f, "the upstream did not take the request: {error}")
            }
            Unanswered::Broken(error) if error.is_incomplete_message() => {
                f.write_str("the upstream closed the connection before it answered")
            }
            Unanswered::Broken(error) if error.is_parse() => {
                write!(f, "the upstream's answer is not HTTP/1.1: {error}")
            }
            Unanswered::Broken(error) if error.is_user() => Unanswered::BodyBroke.fmt(f),
            Unanswered::Broken(error) => match error.source() {
                Some(source) => write!(f, "the connection to the upstream broke: {source}"),
                None => write!(f, "the connection to the upstream broke: {error}"),
            },
            Unanswered::BrokenStream(error) if error.is_reset() => {
                write!(f, "the upstream broke the exchange off: {error}")
            }
            Unanswered::BrokenStream(error) => {
                write!(f, "the connection to the upstream broke: {error}")
            }
            Unanswered::BodyBroke => f.write_str("the request's body broke off"),
            Unanswered::Unsayable(error) => {
                write!(f, "the request cannot be passed on over HTTP/2: {error}")
            }
            Unanswered::Switched => {
                f.write_str("the upstream switched to another protocol, which was not asked for")
            }
            Unanswered::TooLate { after } => {
                write!(f, "the upstream had not begun to answer {after:?} after the request")
            }
        }
    }
}
