//! The arguments of a route: their names, and that each of them can be had from its requests.

use std::ops::Range;

use http::{HeaderName, Method};
use mesero_terminal::nearest::{listed, nearest};
use toml::Spanned;

use crate::check::Check;
use crate::elements::argument::{ArgumentKind, ArgumentSource, ArgumentText};
use crate::elements::element::Setting;
use crate::elements::python_target::is_identifier;
use crate::elements::route_path::RoutePath;
use crate::error::ConfigProblem;
use crate::file::raw;

/// One argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteArgument {
    pub name: String,
    pub source: ArgumentSource,
    /// The name inside the source; of a header field in small letters.
    pub key: String,
    pub kind: ArgumentKind,
    pub required: bool,
}

/// Checks the arguments of a route; they come back in the order in which they were written. The policy reads
/// `segments` of the path, each for a key.
pub(crate) fn check_all(
    raw: &raw::Route,
    methods: &[Method],
    segments: &[(&str, &str)],
    check: &mut Check<'_>,
) -> Vec<RouteArgument> {
    let mut entries: Vec<_> = raw.args.iter().flat_map(|args| args.get_ref()).collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    let arguments: Vec<RouteArgument> =
        entries.iter().map(|(name, text)| check_one(name, text, check)).collect();
    for (argument, (_, text)) in arguments.iter().zip(&entries) {
        let span = || text.span.clone();
        match argument.source {
            ArgumentSource::Path => from_path(argument, span(), raw.path.as_ref(), check),
            ArgumentSource::Body => from_body(methods, span(), check),
            ArgumentSource::Header => from_header(argument, span(), check),
            ArgumentSource::Query => {}
        }
    }
    if let Some(path) = &raw.path {
        let names = path.value.names();
        let unread = names.filter(|name| !segments.iter().any(|(_, segment)| segment == name));
        unused_names(path, unread, &arguments, check);
    }
    arguments
}

fn check_one(
    name: &Spanned<String>,
    text: &Setting<ArgumentText>,
    check: &mut Check<'_>,
) -> RouteArgument {
    let (span, name) = (name.span(), name.get_ref());
    if !is_identifier(name) {
        let problem = ConfigProblem::new(format!("`{name}` cannot name an argument"));
        check.note(problem.at(span, "expected letters, digits and `_`, and no digit first"));
    }
    let ArgumentText { source, key, kind, required } = text.value.clone();
    let key = key.unwrap_or_else(|| name.clone());
    let key = if source == ArgumentSource::Header { key.to_ascii_lowercase() } else { key };
    RouteArgument { name: name.clone(), source, key, kind, required }
}

fn from_path(
    argument: &RouteArgument,
    span: Range<usize>,
    path: Option<&Setting<RoutePath>>,
    check: &mut Check<'_>,
) {
    if !argument.required {
        let problem =
            ConfigProblem::new(format!("the argument `{}` cannot be missing", argument.name));
        check.note(problem.at(span.clone(), "a part of the path is never missing; remove the `?`"));
    }
    let Some(path) = path else { return };
    let key = argument.key.as_str();
    if path.value.names().any(|name| name == key) {
        return;
    }
    let label = match nearest(key, path.value.names()) {
        Some(name) => format!("did you mean `{{{name}}}`?"),
        None => format!("expected a segment `{{{key}}}` here"),
    };
    let problem = ConfigProblem::new(format!("the path has no `{{{key}}}`"));
    check.note(problem.at(span, "this argument is taken from it").at(path.span.clone(), label));
}

fn from_body(methods: &[Method], span: Range<usize>, check: &mut Check<'_>) {
    let bodiless = [Method::GET, Method::HEAD, Method::OPTIONS];
    let found: Vec<&str> =
        methods.iter().filter(|method| bodiless.contains(method)).map(Method::as_str).collect();
    if !found.is_empty() {
        let problem = ConfigProblem::new(format!("an argument from the body of {}", listed(found)));
        let help = "take it from the query, or set `methods = [\"POST\"]`";
        check.note(problem.at(span, "such requests have no body").help(help));
    }
}

fn from_header(argument: &RouteArgument, span: Range<usize>, check: &mut Check<'_>) {
    if HeaderName::from_bytes(argument.key.as_bytes()).is_err() {
        let problem = ConfigProblem::new(format!("`{}` cannot name a header field", argument.key));
        check.note(problem.at(span, "expected a name such as `x-user` after the dot"));
    }
}

/// A segment that nothing reads is most likely a mistyped argument.
fn unused_names<'a>(
    path: &Setting<RoutePath>,
    names: impl Iterator<Item = &'a str>,
    arguments: &[RouteArgument],
    check: &mut Check<'_>,
) {
    for name in names {
        let used = |argument: &RouteArgument| {
            argument.source == ArgumentSource::Path && argument.key == name
        };
        if arguments.iter().any(used) {
            continue;
        }
        let written = [format!("{{{name}}}"), format!("{{*{name}}}")];
        let found = written.iter().find_map(|braced| {
            path.value.as_str().find(braced.as_str()).map(|offset| (offset, braced))
        });
        let Some((offset, braced)) = found else { continue };
        let place =
            check.inside(path.span.clone(), path.value.as_str(), offset..offset + braced.len());
        let problem = ConfigProblem::new(format!("no argument is taken from `{braced}`"));
        let help = format!("add `{name} = \"path:str\"` to `args`");
        check.note(problem.at(place, "this part of the path is not used").help(help));
    }
}
