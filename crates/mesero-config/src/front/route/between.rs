//! What routes must agree on with each other: no request fits two of them, and lists list what exists.

use http::Method;
use mesero_terminal::nearest::{listed, nearest};
use toml::Spanned;

use crate::check::Check;
use crate::elements::Setting;
use crate::elements::argument::ArgumentText;
use crate::error::Problem;
use crate::file::raw;
use crate::front::route::{takes_any_method, unknown_resource};
use crate::resource::Checked;

/// Notes each route that answers a request which an earlier one of the same front answers already.
///
/// Each route comes with the number of its file.
pub(crate) fn conflicts(
    routes: &[(usize, &Spanned<raw::Route>)],
    resources: &[Checked],
    check: &mut Check<'_>,
) {
    for (index, (file, later)) in routes.iter().enumerate() {
        let Some(path) = &later.get_ref().path else {
            continue;
        };
        let shape = path.value.shape();
        for (earlier_file, earlier) in routes.iter().take(index) {
            let Some(taken) = &earlier.get_ref().path else {
                continue;
            };
            let shared = shared_method(
                answered(earlier.get_ref(), resources),
                answered(later.get_ref(), resources),
            );
            if let Some(method) = shared.filter(|_| taken.value.shape() == shape) {
                let problem = Problem::new(format!("two routes for {method} on the same path"));
                let problem =
                    problem.at_in(*file, path.span.clone(), "this one would never see them");
                let (file, span) = (*earlier_file, taken.span.clone());
                check.note(problem.at_in(file, span, "such requests go here already"));
                break;
            }
        }
    }
}

/// The methods of a route.
enum Answered {
    Any,
    These(Vec<Method>),
}

fn shared_method(left: Answered, right: Answered) -> Option<String> {
    match (left, right) {
        (Answered::Any, Answered::Any) => Some("any method".to_owned()),
        (Answered::Any, Answered::These(these)) | (Answered::These(these), Answered::Any) => {
            these.first().map(Method::to_string)
        }
        (Answered::These(left), Answered::These(right)) => {
            left.iter().find(|method| right.contains(method)).map(Method::to_string)
        }
    }
}

fn answered(route: &raw::Route, resources: &[Checked]) -> Answered {
    if route.methods.is_none() && takes_any_method(route, resources) {
        return Answered::Any;
    }
    let written = route.methods.as_ref().map(|methods| {
        methods.get_ref().iter().map(|method| method.value.clone()).collect::<Vec<_>>()
    });
    let mut methods = written.unwrap_or_else(|| vec![Method::GET]);
    if methods.contains(&Method::GET) {
        methods.push(Method::HEAD);
    }
    Answered::These(methods)
}

/// Notes each list of a resource or of an argument that does not exist.
pub(crate) fn lists(
    files: &[Vec<Spanned<raw::Route>>],
    resources: &[Checked],
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
            Problem::new(format!("no route of `{resource}` has an argument `{argument}`"));
        check.note(match nearest(argument, known.iter().copied()) {
            Some(name) => problem.at(place, format!("did you mean `{name}`?")),
            None => problem.at(place, "there is no such argument").help(match known.is_empty() {
                true => format!("`{resource}` has no arguments"),
                false => format!("the arguments of `{resource}` are {}", listed(known)),
            }),
        });
    }
}

fn list_text(list: &Setting<crate::elements::list_target::ListTarget>) -> String {
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
