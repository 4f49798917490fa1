//! What an HTTP upstream is configured with.

use std::num::NonZeroUsize;
use std::time::Duration;

use mesero_http::tls::{TlsSettings, Versions};

/// What has to be known to pass requests on.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A name or an address, without brackets.
    pub host: String,
    pub port: u16,
    /// Host and port as a `Host` field names them.
    pub authority: String,
    /// None in the clear.
    pub tls: Option<TlsSettings>,
    pub versions: Versions,
    /// Put in front of every path; empty, or a path without a slash at its end.
    pub base: String,
    pub connections: NonZeroUsize,
    /// From the name to a connection.
    pub connect_timeout: Duration,
    /// From the end of the request to the head of the answer.
    pub first_byte_timeout: Option<Duration>,
    /// Between two pieces of an answer's body.
    pub stall_timeout: Option<Duration>,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// Whether the upstream is told the host that the client asked for.
    pub preserve_host: bool,
    /// Whether a request is received whole before a slot is asked for.
    pub request_buffering: bool,
    pub behalf: Behalf,
    /// How often a job may try, the first time included.
    pub max_attempts: u32,
    /// Whether each request names its own server, instead of the one that is named here.
    pub roams: bool,
}

/// In whose name requests are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behalf {
    /// In that of a client: its request and the answer are passed on, as RFC 9110 wants it of a proxy, and answers
    /// that say "not now" are tried again.
    Client,
    /// In our own: a request is sent as it is, and every answer is an answer.
    Own,
}
