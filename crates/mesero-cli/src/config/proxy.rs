//! An HTTP server as a resource: where it is, and how many connections to it.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use super::check::Check;
use super::elements::Setting;
use super::elements::count::Count;
use super::elements::off::OrOff;
use super::elements::upstream::Upstream;
use super::error::Problem;
use super::policy::Policy;
use super::raw;
use super::resource::Capacity;

/// How many connections there may be, unless written.
const CONNECTIONS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99);

/// An HTTP server that whole requests are passed on to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proxy {
    pub(crate) upstream: Upstream,
    /// Connections at once, which is calls at once.
    pub(crate) connections: NonZeroUsize,
    pub(crate) connect_timeout: Duration,
    /// From the end of a request to the beginning of its answer.
    pub(crate) first_byte_timeout: Option<Duration>,
    /// How long a connection may wait for its next request.
    pub(crate) idle_timeout: Duration,
    /// Whether the server is told the host that the client asked for, and not its own.
    pub(crate) preserve_host: bool,
    /// Whether a request's body is received whole before the call begins.
    pub(crate) request_buffering: bool,
}

impl Proxy {
    /// Checks the keys of a resource; `None` without the key `http`.
    pub(super) fn check(
        raw: raw::Resource,
        policy: &Policy,
        check: &mut Check<'_>,
    ) -> Option<Self> {
        useless_with_http(&raw, check);
        let upstream = raw.http?;
        if policy.coalesce || policy.cache.is_some() {
            let problem = Problem::new("answers of an `http` resource cannot be shared");
            let label = "its answers can depend on whoever asks";
            let help = "leave `coalesce` and `cache` out of the policy of this resource";
            check.note(problem.at(upstream.span.clone(), label).help(help));
        }
        Some(Self {
            upstream: upstream.value,
            connections: connections(raw.connections.as_ref()),
            connect_timeout: Setting::or(raw.connect_timeout, Duration::from_secs(5)),
            first_byte_timeout: Setting::or(raw.first_byte_timeout, OrOff::Off).on(),
            idle_timeout: Setting::or(raw.idle_timeout, Duration::from_secs(60)),
            preserve_host: raw.preserve_host.is_some_and(Spanned::into_inner),
            request_buffering: raw.request_buffering.is_some_and(Spanned::into_inner),
        })
    }

    /// Returns how many calls the resource can run at once.
    pub(super) fn capacity(raw: &raw::Resource) -> Capacity {
        Capacity {
            calls: connections(raw.connections.as_ref()),
            because: "an `http` resource runs as many calls as it has `connections`",
        }
    }
}

fn connections<const MAX: u32>(written: Option<&Setting<Count<MAX>>>) -> NonZeroUsize {
    written.map_or(CONNECTIONS, |setting| setting.value.non_zero_usize())
}

/// Notes each key that only an `http` resource has.
pub(super) fn useless_without_http(raw: &raw::Resource, check: &mut Check<'_>) {
    let keys = [
        ("connections", place(raw.connections.as_ref())),
        ("connect_timeout", place(raw.connect_timeout.as_ref())),
        ("first_byte_timeout", place(raw.first_byte_timeout.as_ref())),
        ("idle_timeout", place(raw.idle_timeout.as_ref())),
        ("preserve_host", raw.preserve_host.as_ref().map(Spanned::span)),
        ("request_buffering", raw.request_buffering.as_ref().map(Spanned::span)),
    ];
    note(keys, "without `http`", check);
}

fn useless_with_http(raw: &raw::Resource, check: &mut Check<'_>) {
    let keys = [
        ("python", place(raw.python.as_ref())),
        ("interpreter", raw.interpreter.as_ref().map(Spanned::span)),
        ("venv", raw.venv.as_ref().map(Spanned::span)),
        ("path", raw.path.as_ref().and_then(|path| path.first()).map(Spanned::span)),
        ("processes", place(raw.processes.as_ref())),
        ("threads", place(raw.threads.as_ref())),
        ("concurrency", place(raw.concurrency.as_ref())),
        ("env", raw.env.first_key_value().map(|(name, _)| name.span())),
        ("start_timeout", place(raw.start_timeout.as_ref())),
        ("grace", place(raw.grace.as_ref())),
    ];
    note(keys, "beside `http`", check);
}

fn place<T>(setting: Option<&Setting<T>>) -> Option<Range<usize>> {
    setting.map(|setting| setting.span.clone())
}

fn note<const KEYS: usize>(
    keys: [(&str, Option<Range<usize>>); KEYS],
    company: &str,
    check: &mut Check<'_>,
) {
    for (key, span) in keys {
        if let Some(span) = span {
            let problem = Problem::new(format!("`{key}` has no meaning {company}"));
            check.note(problem.at(span, "it belongs to another kind of resource"));
        }
    }
}
