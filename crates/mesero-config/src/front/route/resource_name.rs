//! The resource that a route names.

use mesero_terminal::nearest::{listed, nearest};
use toml::Spanned;

use crate::check::Check;
use crate::error::ConfigProblem;
use crate::resource::CheckedResource;

/// Returns the place of the resource of that name.
pub(crate) fn find(
    name: &Spanned<String>,
    resources: &[CheckedResource],
    check: &mut Check<'_>,
) -> Option<usize> {
    let found = resources.iter().position(|resource| resource.name == *name.get_ref());
    if found.is_none() {
        check.note(unknown_resource(name.get_ref(), resources, |problem, label| {
            problem.at(name.span(), label)
        }));
    }
    found
}

/// Makes the problem of a resource that does not exist; `mark` adds its place.
pub(crate) fn unknown_resource(
    name: &str,
    resources: &[CheckedResource],
    mark: impl FnOnce(ConfigProblem, String) -> ConfigProblem,
) -> ConfigProblem {
    let names = || resources.iter().map(|resource| resource.name.as_str());
    let problem = ConfigProblem::new(format!("unknown resource `{name}`"));
    match nearest(name, names()) {
        Some(known) => mark(problem, format!("did you mean `{known}`?")),
        None => mark(problem, "there is no such resource".to_owned())
            .help(format!("the resources are {}", listed(names()))),
    }
}
