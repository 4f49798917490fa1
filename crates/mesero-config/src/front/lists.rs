//! Routes that list jobs: each lists arguments that exist.

use mesero_terminal::nearest::{listed, nearest};
use toml::Spanned;

use crate::check::Check;
use crate::elements::argument::ArgumentText;
use crate::elements::element::Setting;
use crate::elements::list_target::ListTarget;
use crate::error::ConfigProblem;
use crate::file::raw;
use crate::front::route::resource_name::unknown_resource;
use crate::resource::CheckedResource;

/// Notes each list of a resource or of an argument that does not exist.
pub(crate) fn check(
    files: &[Vec<Spanned<raw::Route>>],
    resources: &[CheckedResource],
    check: &mut Check<'_>,
) {
    let routes = files.iter().enumerate().flat_map(|(file, routes)| {
        routes.iter().filter_map(move |route| Some((file, route.get_ref().list.as_ref()?)))
    });
    for (file, list) in routes {
        check.turn_to(file);
        let (resource, argument) = (list.value.resource.as_str(), list.value.argument.as_str());
        if !resources.iter().any(|known| known.name == resource) {
            let place = check.inside(list.span.clone(), &list_text(list), 0..resource.len());
            check.note(unknown_resource(resource, resources, |problem, label| {
                problem.at(place, label)
            }));
            continue;
        }
        let known: Vec<&str> = arguments_of(files, resource).collect();
        if known.contains(&argument) {
            continue;
        }
        let start = resource.len() + 1;
        let place =
            check.inside(list.span.clone(), &list_text(list), start..start + argument.len());
        let problem =
            ConfigProblem::new(format!("no route of `{resource}` has an argument `{argument}`"));
        check.note(match nearest(argument, known.iter().copied()) {
            Some(name) => problem.at(place, format!("did you mean `{name}`?")),
            None => problem.at(place, "there is no such argument").help(if known.is_empty() {
                format!("`{resource}` has no arguments")
            } else {
                format!("the arguments of `{resource}` are {}", listed(known))
            }),
        });
    }
}

fn list_text(list: &Setting<ListTarget>) -> String {
    format!("{}.{}", list.value.resource, list.value.argument)
}

fn arguments_of<'a>(
    files: &'a [Vec<Spanned<raw::Route>>],
    resource: &'a str,
) -> impl Iterator<Item = &'a str> {
    files
        .iter()
        .flatten()
        .map(Spanned::get_ref)
        .filter(move |route| route.resource.as_ref().is_some_and(|name| name.get_ref() == resource))
        .filter_map(|route| route.args.as_ref())
        .flat_map(|args| args.get_ref().iter())
        .map(|(name, _): (_, &Setting<ArgumentText>)| name.get_ref().as_str())
}
