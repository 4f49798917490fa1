//! The kind of a resource, and its keys.

use std::ops::Range;

use mesero_terminal::nearest::listed;
use toml::Spanned;

use crate::check::Check;
use crate::elements::word::Word;
use crate::error::ConfigProblem;
use crate::file::raw;

/// A kind by the key that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KindKey {
    Python,
    Wsgi,
    Http,
    Command,
    Stub,
}

impl KindKey {
    /// Returns the kind that is written; notes it where there are several, and every key that says nothing about it.
    pub(crate) fn check(raw: &raw::Resource, check: &mut Check<'_>) -> Option<Self> {
        let written = [
            (Self::Python, raw.python.as_ref().map(|target| target.span.clone())),
            (Self::Wsgi, raw.wsgi.as_ref().map(|application| application.span.clone())),
            (Self::Http, raw.http.as_ref().map(|upstream| upstream.span.clone())),
            (Self::Command, raw.command.as_ref().map(Spanned::span)),
            (Self::Stub, raw.stub.as_ref().map(Spanned::span)),
        ];
        let mut written = written.into_iter().filter_map(|(kind, span)| Some((kind, span?)));
        let (kind, span) = written.next()?;
        for (another, place) in written {
            let title = format!("both `{}` and `{}`", kind.word(), another.word());
            let problem = ConfigProblem::new(title).at(place, "a resource has one kind");
            check.note(problem.at(span.clone(), "and it is named here").help("keep one of them"));
        }
        for (key, place, kinds) in keys(raw) {
            if !kinds.contains(&kind) {
                let title = format!("`{key}` does not apply with `{}`", kind.word());
                let label =
                    format!("it is a key of {}", listed(kinds.iter().map(|kind| kind.word())));
                check.note(ConfigProblem::new(title).at(place, label));
            }
        }
        Some(kind)
    }
}

impl Word for KindKey {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("python", Self::Python),
        ("wsgi", Self::Wsgi),
        ("http", Self::Http),
        ("command", Self::Command),
        ("stub", Self::Stub),
    ];
}

/// The keys that are written and are not of every kind, each with its place and the kinds that it belongs to.
fn keys(raw: &raw::Resource) -> Vec<(&'static str, Range<usize>, &'static [KindKey])> {
    const PYTHON: &[KindKey] = &[KindKey::Python];
    const WSGI: &[KindKey] = &[KindKey::Wsgi];
    const WORKERS: &[KindKey] = &[KindKey::Python, KindKey::Wsgi];
    const HTTP: &[KindKey] = &[KindKey::Http];
    const REQUESTS: &[KindKey] = &[KindKey::Wsgi, KindKey::Http];
    const COMMAND: &[KindKey] = &[KindKey::Command];
    const PROCESSES: &[KindKey] = &[KindKey::Python, KindKey::Command];
    const ENVIRONMENT: &[KindKey] = &[KindKey::Python, KindKey::Wsgi, KindKey::Command];
    let first = |names: &mut dyn Iterator<Item = Range<usize>>| names.next();
    let keys = [
        ("interpreter", raw.interpreter.as_ref().map(Spanned::span), WORKERS),
        ("venv", raw.venv.as_ref().map(Spanned::span), WORKERS),
        ("path", first(&mut raw.path.iter().flatten().map(Spanned::span)), WORKERS),
        ("threads", raw.threads.as_ref().map(|key| key.span.clone()), WORKERS),
        ("concurrency", raw.concurrency.as_ref().map(|key| key.span.clone()), PYTHON),
        ("loop_blocked", raw.loop_blocked.as_ref().map(|key| key.span.clone()), PYTHON),
        ("exceptions", first(&mut raw.exceptions.keys().map(Spanned::span)), PYTHON),
        ("start_timeout", raw.start_timeout.as_ref().map(|key| key.span.clone()), WORKERS),
        ("max_requests", raw.max_requests.as_ref().map(|key| key.span.clone()), WORKERS),
        (
            "max_requests_jitter",
            raw.max_requests_jitter.as_ref().map(|key| key.span.clone()),
            WORKERS,
        ),
        ("max_age", raw.max_age.as_ref().map(|key| key.span.clone()), WORKERS),
        ("max_memory", raw.max_memory.as_ref().map(|key| key.span.clone()), WORKERS),
        ("processes", raw.processes.as_ref().map(|key| key.span.clone()), PROCESSES),
        ("env", first(&mut raw.env.keys().map(Spanned::span)), ENVIRONMENT),
        ("grace", raw.grace.as_ref().map(|key| key.span.clone()), ENVIRONMENT),
        ("interrupt", raw.interrupt.as_ref().map(|key| key.span.clone()), WORKERS),
        ("kill_siblings", raw.kill_siblings.as_ref().map(Spanned::span), WORKERS),
        ("workers", raw.workers.as_ref().map(|key| key.span.clone()), WSGI),
        ("ca", raw.ca.as_ref().map(Spanned::span), HTTP),
        ("tls_server_name", raw.tls_server_name.as_ref().map(Spanned::span), HTTP),
        ("http2", raw.http2.as_ref().map(|key| key.span.clone()), HTTP),
        ("connections", raw.connections.as_ref().map(|key| key.span.clone()), HTTP),
        ("connect_timeout", raw.connect_timeout.as_ref().map(|key| key.span.clone()), HTTP),
        ("first_byte_timeout", raw.first_byte_timeout.as_ref().map(|key| key.span.clone()), HTTP),
        ("stall_timeout", raw.stall_timeout.as_ref().map(|key| key.span.clone()), HTTP),
        ("idle_timeout", raw.idle_timeout.as_ref().map(|key| key.span.clone()), HTTP),
        ("abandoned_timeout", raw.abandoned_timeout.as_ref().map(|key| key.span.clone()), HTTP),
        ("stops_on_disconnect", raw.stops_on_disconnect.as_ref().map(Spanned::span), HTTP),
        ("cut_grace", raw.cut_grace.as_ref().map(|key| key.span.clone()), HTTP),
        ("preserve_host", raw.preserve_host.as_ref().map(Spanned::span), HTTP),
        ("request_buffering", raw.request_buffering.as_ref().map(Spanned::span), REQUESTS),
        ("shell", raw.shell.as_ref().map(Spanned::span), COMMAND),
        ("directory", raw.directory.as_ref().map(Spanned::span), COMMAND),
        ("clear_env", raw.clear_env.as_ref().map(Spanned::span), COMMAND),
        ("content_type", raw.content_type.as_ref().map(|key| key.span.clone()), COMMAND),
        ("exit_codes", first(&mut raw.exit_codes.keys().map(Spanned::span)), COMMAND),
        ("output_limit", raw.output_limit.as_ref().map(|key| key.span.clone()), COMMAND),
        ("stream", raw.stream.as_ref().map(Spanned::span), COMMAND),
    ];
    keys.into_iter().filter_map(|(key, span, kinds)| Some((key, span?, kinds))).collect()
}
