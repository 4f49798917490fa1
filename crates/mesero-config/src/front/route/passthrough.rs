//! A route that passes whole requests on: it takes no arguments, and may shorten the path.

use toml::Spanned;

use crate::check::Check;
use crate::error::ConfigProblem;
use crate::file::raw;
use crate::resource::{CheckedResource, ResourceKind};

/// A route that passes whole requests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Passthrough {
    /// An index into the configuration's resources.
    pub resource: usize,
    /// The prefix that is removed from the path; every request of the route has it.
    pub strip_prefix: Option<String>,
}

/// Returns the resource that the route passes whole requests on to, if it does that.
pub(crate) fn target(route: &raw::Route, resources: &[CheckedResource]) -> Option<usize> {
    let name = route.resource.as_ref()?.get_ref();
    resources.iter().position(|known| known.name == *name && takes_requests(known))
}

fn takes_requests(known: &CheckedResource) -> bool {
    known.resource.as_ref().is_some_and(|resource| {
        matches!(resource.kind, ResourceKind::Http(_) | ResourceKind::Wsgi(_))
    })
}

/// Checks a route of which [`target`] says that it passes requests on.
pub(crate) fn check(
    raw: &raw::Route,
    resources: &[CheckedResource],
    check: &mut Check<'_>,
) -> Option<Passthrough> {
    let keys = [
        ("args", raw.args.as_ref().map(Spanned::span), "the whole request is passed on"),
        (
            "reply",
            raw.reply.as_ref().map(|reply| reply.span.clone()),
            "its response is passed back",
        ),
    ];
    for (key, span, label) in keys {
        if let Some(span) = span {
            let problem = ConfigProblem::new(format!("`{key}` does not apply to this resource"));
            check.note(problem.at(span, label));
        }
    }
    let strip_prefix = raw.strip_prefix.as_ref().map(|prefix| {
        stripped(prefix, raw, check);
        prefix.get_ref().clone()
    });
    Some(Passthrough { resource: target(raw, resources)?, strip_prefix })
}

/// Notes `strip_prefix` on a route that passes nothing on.
pub(crate) fn useless_elsewhere(
    raw: &raw::Route,
    resources: &[CheckedResource],
    check: &mut Check<'_>,
) {
    if let Some(prefix) = &raw.strip_prefix
        && target(raw, resources).is_none()
    {
        let problem = ConfigProblem::new("`strip_prefix` does not apply to this route");
        check
            .note(problem.at(prefix.span(), "only an `http` or `wsgi` resource receives the path"));
    }
}

fn stripped(prefix: &Spanned<String>, raw: &raw::Route, check: &mut Check<'_>) {
    let Some(path) = &raw.path else { return };
    let written = prefix.get_ref();
    let whole_segments = path
        .value
        .as_str()
        .strip_prefix(written.as_str())
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if !written.starts_with('/') || written.contains(['{', '}']) || !whole_segments {
        let problem = ConfigProblem::new("`strip_prefix` is not a prefix of the path");
        let label = "expected whole segments without names, such as \"/api\"";
        check.note(
            problem.at(prefix.span(), label).at(path.span.clone(), "this path has another prefix"),
        );
    }
}
