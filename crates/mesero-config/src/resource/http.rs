//! An HTTP server as a resource: where it is, and how many connections to it.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;

use crate::check::Check;
use crate::elements::count;
use crate::elements::element::Setting;
use crate::elements::http2::Http2;
use crate::elements::limit::LimitSettings;
use crate::elements::off::OrOff;
use crate::elements::upstream::Upstream;
use crate::error::ConfigProblem;
use crate::file::raw;
use crate::resource::capacity::Capacity;
use crate::resource::policy::{PolicySettings, never_shared};

/// The default of `connections`.
const CONNECTIONS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99);

/// The default of `connections` with `limit = "auto"`: the default of the highest limit.
const AUTO_CONNECTIONS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(199);

/// The default of `stall_timeout`, which is that of other proxies.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// The default of `abandoned_timeout`: longer than nearly every server works on one request.
const ABANDONED_TIMEOUT: Duration = Duration::from_secs(600);

/// `abandoned_timeout` where each request names its own server: one silent server of many must not hold a slot of all
/// of them for long.
pub(crate) const PER_REQUEST_ABANDONED_TIMEOUT: Duration = Duration::from_secs(30);

/// An HTTP server that whole requests are passed on to.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpSettings {
    pub upstream: Upstream,
    /// None for a server without TLS.
    pub tls: Option<TlsSettings>,
    pub http2: Http2,
    /// Connections at once, or over HTTP/2 streams, which is calls at once.
    pub connections: NonZeroUsize,
    pub connect_timeout: Duration,
    /// From the end of a request to the beginning of its answer.
    pub first_byte_timeout: Option<Duration>,
    /// Between two pieces of the body of an answer.
    pub stall_timeout: Option<Duration>,
    /// The time that a connection may be idle.
    pub idle_timeout: Duration,
    pub abandoned: AbandonedSettings,
    /// Set if the request keeps the client's `Host` instead of the server's own.
    pub preserve_host: bool,
    /// Set if a request's body is received whole before the call begins.
    pub request_buffering: bool,
    pub behalf: Behalf,
    /// Set if each request names its own server, instead of this one; only on a command line.
    pub is_per_request: bool,
}

/// Treatment of requests whose callers have left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbandonedSettings {
    /// From the callers' leaving until the server is assumed to have stopped.
    pub timeout: Duration,
    /// Set if the server stops to work on a request when its connection is closed.
    pub stops_on_disconnect: bool,
    /// The time that the server gets to notice a connection that was closed hard.
    pub cut_grace: Duration,
}

/// The origin of the requests that a proxy sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behalf {
    /// Clients: a request and its response are passed on, as RFC 9110 requires of a proxy, and responses
    /// that say "not now" are retried.
    Clients,
    /// mesero itself: a request is sent as it is, and every response is a result.
    Own,
}

/// Certificate verification of an HTTP server.
#[derive(Clone, Debug, PartialEq)]
pub struct TlsSettings {
    /// A PEM file of the only certificates that are trusted; else those that the system trusts.
    pub ca: Option<PathBuf>,
    /// The name that the server's certificate must be for.
    pub server_name: String,
}

impl HttpSettings {
    /// Checks the keys of a resource; `None` without the key `http`.
    pub(crate) fn check(
        raw: raw::Resource,
        policy: &PolicySettings,
        check: &mut Check<'_>,
    ) -> Option<Self> {
        let upstream = raw.http?;
        never_shared("an `http`", upstream.span.clone(), policy, check);
        let tls = TlsSettings::check(&upstream.value, raw.ca, raw.tls_server_name, check);
        Some(Self {
            upstream: upstream.value,
            tls,
            http2: Setting::or(raw.http2, Http2::Auto),
            connections: count::or(raw.connections.as_ref(), connections(policy.limit)),
            connect_timeout: Setting::or(raw.connect_timeout, Duration::from_secs(5)),
            first_byte_timeout: Setting::or(raw.first_byte_timeout, OrOff::Off).on(),
            stall_timeout: Setting::or(raw.stall_timeout, OrOff::On(STALL_TIMEOUT)).on(),
            idle_timeout: Setting::or(raw.idle_timeout, Duration::from_secs(60)),
            abandoned: AbandonedSettings {
                timeout: Setting::or(raw.abandoned_timeout, ABANDONED_TIMEOUT),
                stops_on_disconnect: raw.stops_on_disconnect.is_some_and(Spanned::into_inner),
                cut_grace: Setting::or(raw.cut_grace, Duration::from_secs(5)),
            },
            preserve_host: raw.preserve_host.is_some_and(Spanned::into_inner),
            request_buffering: raw.request_buffering.is_some_and(Spanned::into_inner),
            behalf: Behalf::Clients,
            is_per_request: false,
        })
    }

    /// Returns how many calls the resource can run at once.
    pub(crate) fn capacity(raw: &raw::Resource) -> Capacity {
        let limit = raw.policy.limit.as_ref().map(|limit| limit.value);
        Capacity {
            calls: count::or(raw.connections.as_ref(), connections(limit)),
            because: "an `http` resource runs as many calls as it has `connections`",
        }
    }
}

fn connections(limit: Option<LimitSettings>) -> NonZeroUsize {
    if limit.is_some_and(LimitSettings::is_open) { AUTO_CONNECTIONS } else { CONNECTIONS }
}

impl TlsSettings {
    fn check(
        upstream: &Upstream,
        ca: Option<Spanned<String>>,
        server_name: Option<Spanned<String>>,
        check: &mut Check<'_>,
    ) -> Option<Self> {
        if !upstream.is_https() {
            for (key, written) in [("ca", ca), ("tls_server_name", server_name)] {
                if let Some(written) = written {
                    let title = format!("`{key}` does not apply without TLS");
                    let label = "the URL begins with `http://`, and not with `https://`";
                    check.note(ConfigProblem::new(title).at(written.span(), label));
                }
            }
            return None;
        }
        let server_name =
            server_name.map_or_else(|| upstream.host().to_owned(), Spanned::into_inner);
        let ca = ca.map(|written| file(&written, check));
        Some(Self { ca, server_name })
    }
}

/// Returns the path of the file, which is read when the resource starts; notes a file that does not exist.
fn file(written: &Spanned<String>, check: &mut Check<'_>) -> PathBuf {
    let path = check.path(written.get_ref());
    if !path.absolute.is_file() {
        let label = format!("there is no file at `{}`", path.shown.display());
        check.note(ConfigProblem::new("`ca` does not exist").at(written.span(), label));
    }
    path.absolute
}
