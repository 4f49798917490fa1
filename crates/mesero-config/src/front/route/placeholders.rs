//! Placeholders of a command, each of which must be an argument of its routes.

use std::ops::Range;

use mesero_terminal::nearest::{listed, nearest};

use crate::check::Check;
use crate::error::ConfigProblem;
use crate::front::route::argument::RouteArgument;
use crate::resource::command::placeholder::Placeholder;

/// Notes each placeholder that has no value in every request of a route at `route`.
pub(crate) fn check(
    placeholders: &[Placeholder],
    arguments: &[RouteArgument],
    route: &Range<usize>,
    check: &mut Check<'_>,
) {
    for Placeholder { name, span } in placeholders {
        match arguments.iter().find(|argument| argument.name == *name) {
            Some(argument) if argument.required => {}
            Some(_) => {
                let problem =
                    ConfigProblem::new(format!("the argument `{name}` cannot be missing"));
                let problem = problem.at(span.clone(), "the command needs it");
                check.note(problem.at(route.clone(), "remove the `?` of this route's argument"));
            }
            None => {
                let names = || arguments.iter().map(|argument| argument.name.as_str());
                let problem = ConfigProblem::new(format!("the command needs an argument `{name}`"));
                let problem = match nearest(name, names()) {
                    Some(known) => problem.at(span.clone(), format!("did you mean `{known}`?")),
                    None => problem.at(span.clone(), "it is inserted here"),
                };
                let problem = problem.at(route.clone(), "this route has no argument of that name");
                check.note(problem.help(if arguments.is_empty() {
                    format!("add it, such as `args = {{ {name} = \"query:str\" }}`")
                } else {
                    format!("its arguments are {}", listed(names()))
                }));
            }
        }
    }
}
