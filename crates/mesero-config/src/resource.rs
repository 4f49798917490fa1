//! `[resource.NAME]`: the slow things, each with its policy.

mod capacity;
pub(crate) mod command;
mod environment;
pub(crate) mod http;
pub(crate) mod kind;
pub(crate) mod policy;
pub(crate) mod python;
pub(crate) mod recycling;
pub(crate) mod stub;
pub(crate) mod wsgi;

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;

use crate::check::Check;
use crate::elements::limit::LimitSettings;
use crate::elements::python_target::PythonTarget;
use crate::error::ConfigProblem;
use crate::file::raw;
use crate::resource::capacity::Capacity;
use crate::resource::command::CommandSettings;
use crate::resource::command::placeholder::Placeholder;
use crate::resource::http::HttpSettings;
use crate::resource::kind::KindKey;
use crate::resource::policy::PolicySettings;
use crate::resource::python::PythonSettings;
use crate::resource::stub::StubSettings;
use crate::resource::wsgi::WsgiSettings;

/// A slow thing and how much of it is allowed.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceSettings {
    pub name: String,
    pub kind: ResourceKind,
    pub policy: PolicySettings,
}

/// The kind of a resource, with its settings.
#[derive(Clone, Debug, PartialEq)]
pub enum ResourceKind {
    /// A Python callable in worker processes.
    Python { target: PythonTarget, python: PythonSettings },
    /// A WSGI application in worker processes.
    Wsgi(WsgiSettings),
    /// An HTTP server behind connections.
    Http(HttpSettings),
    /// A process for each attempt.
    Command(CommandSettings),
    /// A delay and an answer.
    Stub(StubSettings),
}

/// A resource under its name; the name is known even when the rest was refused.
#[derive(Debug)]
pub(crate) struct CheckedResource {
    pub(crate) name: String,
    /// The number of its file, and the place of the name there.
    place: (usize, Range<usize>),
    pub(crate) resource: Option<ResourceSettings>,
    /// Arguments that every route that uses it must have.
    pub(crate) placeholders: Vec<Placeholder>,
}

/// Checks the resources of all files; they come back in the order in which they were written.
pub(crate) fn check_all(
    files: Vec<raw::NamedTable<Spanned<raw::Resource>>>,
    check: &mut Check<'_>,
) -> Vec<CheckedResource> {
    check.turn_to(0);
    if files.iter().all(BTreeMap::is_empty) {
        let help =
            "add a table such as [resource.square] with the key `python = \"MODULE:FUNCTION\"`";
        check.note(
            ConfigProblem::new("there is no resource in this configuration")
                .at(0..0, "")
                .help(help),
        );
    }
    let mut checked: Vec<CheckedResource> = Vec::new();
    for (file, raw) in files.into_iter().enumerate() {
        check.turn_to(file);
        let mut entries: Vec<_> = raw.into_iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        for (name, resource) in entries {
            let resource = check_one(name, resource.into_inner(), check);
            unique(&resource, &checked, check);
            checked.push(resource);
        }
    }
    checked
}

/// Notes a resource whose name another file has taken already.
fn unique(resource: &CheckedResource, earlier: &[CheckedResource], check: &mut Check<'_>) {
    let Some(taken) = earlier.iter().find(|known| known.name == resource.name) else {
        return;
    };
    let problem = ConfigProblem::new(format!("two resources with the name `{}`", resource.name));
    let problem = problem.at(resource.place.1.clone(), "this resource needs another name");
    let (file, span) = taken.place.clone();
    check.note(problem.at_in(file, span, "it is already used here"));
}

fn check_one(
    name: Spanned<String>,
    mut raw: raw::Resource,
    check: &mut Check<'_>,
) -> CheckedResource {
    let (span, name) = (name.span(), name.into_inner());
    let place = (check.file(), span.clone());
    if !is_resource_name(&name) {
        let label = "expected a lower-case letter, then lower-case letters, digits, `_` and `-`";
        check.note(
            ConfigProblem::new(format!("`{name}` cannot name a resource")).at(span.clone(), label),
        );
    }
    let kind = KindKey::check(&raw, check);
    let capacity = capacity(kind, &raw);
    let policy = PolicySettings::check(std::mem::take(&mut raw.policy), capacity, check);
    let mut placeholders = Vec::new();
    let kind = match kind {
        Some(KindKey::Python) => raw.python.take().map(|target| {
            let python = PythonSettings::of(raw, check);
            ResourceKind::Python { target: target.value, python }
        }),
        Some(KindKey::Wsgi) => raw.wsgi.take().map(|application| {
            ResourceKind::Wsgi(WsgiSettings::check(application, raw, &policy, check))
        }),
        Some(KindKey::Command) => {
            CommandSettings::check(raw, policy.limit.and_then(LimitSettings::highest), check).map(
                |(command, needed)| {
                    placeholders = needed;
                    ResourceKind::Command(command)
                },
            )
        }
        Some(KindKey::Http) => HttpSettings::check(raw, &policy, check).map(ResourceKind::Http),
        Some(KindKey::Stub) => {
            raw.stub.map(|stub| ResourceKind::Stub(StubSettings::check(stub.into_inner())))
        }
        None => {
            let problem = ConfigProblem::new(format!("resource `{name}` has no kind"));
            let label = "expected one of the keys `python`, `wsgi`, `http`, `command` and `stub` in this table";
            check.note(problem.at(span, label));
            None
        }
    };
    let resource = kind.map(|kind| ResourceSettings { name: name.clone(), kind, policy });
    CheckedResource { name, place, resource, placeholders }
}

fn capacity(kind: Option<KindKey>, raw: &raw::Resource) -> Capacity {
    match kind {
        Some(KindKey::Command) => Capacity {
            calls: CommandSettings::most_calls(raw),
            because: "a command runs as many calls as `processes` says",
        },
        Some(KindKey::Stub) => {
            Capacity { calls: stub::MOST_CALLS, because: "a stub runs at most a million calls" }
        }
        Some(KindKey::Http) => HttpSettings::capacity(raw),
        Some(KindKey::Wsgi) => WsgiSettings::capacity(raw),
        Some(KindKey::Python) | None => PythonSettings::capacity(raw),
    }
}

/// Returns whether `name` can be used in a path, as a metric's label and on a command line without quotes.
pub(crate) fn is_resource_name(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}
