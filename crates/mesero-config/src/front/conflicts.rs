//! Routes of one front: no request fits two of them.

use http::Method;
use toml::Spanned;

use crate::check::Check;
use crate::error::ConfigProblem;
use crate::file::raw;
use crate::front::route::passthrough;
use crate::resource::CheckedResource;

/// Notes each route that answers a request which an earlier one of the same front answers already.
///
/// Each route comes with the number of its file.
pub(crate) fn check(
    routes: &[(usize, &Spanned<raw::Route>)],
    resources: &[CheckedResource],
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
                let problem =
                    ConfigProblem::new(format!("two routes for {method} on the same path"));
                let problem =
                    problem.at_in(*file, path.span.clone(), "this route would never receive them");
                let (file, span) = (*earlier_file, taken.span.clone());
                check.note(problem.at_in(file, span, "such requests already match this route"));
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

fn answered(route: &raw::Route, resources: &[CheckedResource]) -> Answered {
    if route.methods.is_none() && passthrough::target(route, resources).is_some() {
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
