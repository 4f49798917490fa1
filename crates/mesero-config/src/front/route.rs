//! `[[route]]`: requests, and the calls that they make.

pub(crate) mod argument;
pub(crate) mod passthrough;
mod placeholders;
mod policy_segments;
pub(crate) mod resource_name;

use http::Method;
use toml::Spanned;

use crate::check::Check;
use crate::elements::element::Setting;
use crate::elements::reply_form::ReplyForm;
use crate::error::ConfigProblem;
use crate::file::raw;
use crate::front::route::argument::RouteArgument;
use crate::front::route::passthrough::Passthrough;
use crate::front::route::resource_name::find;
use crate::resource::CheckedResource;

/// A path with what it does.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Literal segments, `{name}` segments that match any one segment, and perhaps `{*name}` at the end for the rest.
    pub path: String,
    /// Each once; none means any method. HEAD comes with GET, whether it is here or not.
    pub methods: Vec<Method>,
    pub action: Action,
}

/// The action of a route; `resource` is an index into the configuration's resources.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Calls a resource.
    Call { resource: usize, arguments: Vec<RouteArgument>, reply: ReplyForm },
    /// Passes the whole request on to a resource.
    Passthrough(Passthrough),
    /// Lists one argument of every job of a resource that is in flight.
    List { resource: usize, argument: String },
}

/// Checks the routes of a file, each by itself.
pub(crate) fn check_all(
    raw: Vec<Spanned<raw::Route>>,
    resources: &[CheckedResource],
    check: &mut Check<'_>,
) -> Vec<Route> {
    raw.into_iter().filter_map(|route| check_one(route, resources, check)).collect()
}

fn check_one(
    route: Spanned<raw::Route>,
    resources: &[CheckedResource],
    check: &mut Check<'_>,
) -> Option<Route> {
    let (span, raw) = (route.span(), route.into_inner());
    if raw.path.is_none() {
        let problem = ConfigProblem::new("a route without a path");
        check.note(problem.at(span.clone(), "expected the key `path = \"/…\"` in this table"));
    }
    let any = passthrough::target(&raw, resources).is_some();
    let methods = methods(raw.methods.as_ref(), any, check);
    passthrough::useless_elsewhere(&raw, resources, check);
    let segments = policy_segments::of_resource(&raw, resources);
    policy_segments::check(&raw, &segments, check);
    let action = match (&raw.resource, &raw.list) {
        (Some(_), None) if passthrough::target(&raw, resources).is_some() => {
            passthrough::check(&raw, resources, check).map(Action::Passthrough)
        }
        (Some(name), None) => {
            let arguments = argument::check_all(&raw, &methods, &segments, check);
            let reply = raw.reply.as_ref().map_or(ReplyForm::default(), |reply| reply.value);
            find(name, resources, check).map(|resource| {
                let needed = &resources[resource].placeholders;
                placeholders::check(needed, &arguments, &name.span(), check);
                Action::Call { resource, arguments, reply }
            })
        }
        (None, Some(list)) => {
            useless_beside_list(&raw, check);
            let resource = resources.iter().position(|known| known.name == list.value.resource);
            resource
                .map(|resource| Action::List { resource, argument: list.value.argument.clone() })
        }
        (Some(resource), Some(list)) => {
            let problem = ConfigProblem::new("both `resource` and `list`");
            let problem = problem.at(list.span.clone(), "a route lists jobs");
            check.note(
                problem.at(resource.span(), "or it calls a resource").help("keep one of them"),
            );
            None
        }
        (None, None) => {
            let problem = ConfigProblem::new("a route without `resource` and `list`");
            check.note(
                problem.at(span, "expected one of the keys `resource` and `list` in this table"),
            );
            None
        }
    };
    Some(Route { path: raw.path?.value.as_str().to_owned(), methods, action: action? })
}

/// Returns the methods of a route; unless written, GET, or none where any is taken.
fn methods(
    written: Option<&Spanned<Vec<Setting<Method>>>>,
    any: bool,
    check: &mut Check<'_>,
) -> Vec<Method> {
    let Some(written) = written else {
        return if any { Vec::new() } else { vec![Method::GET] };
    };
    if written.get_ref().is_empty() {
        let problem = ConfigProblem::new("a route without a method");
        check.note(problem.at(written.span(), "expected at least one method such as \"GET\""));
    }
    let mut methods: Vec<Method> = Vec::new();
    for Setting { value, span } in written.get_ref() {
        if methods.contains(value) {
            let problem = ConfigProblem::new(format!("the method {value} occurs twice"));
            check.note(problem.at(span.clone(), "keep one of them"));
        }
        methods.push(value.clone());
    }
    methods
}

fn useless_beside_list(raw: &raw::Route, check: &mut Check<'_>) {
    let keys = [
        ("methods", raw.methods.as_ref().map(Spanned::span), "a list is always requested with GET"),
        ("args", raw.args.as_ref().map(Spanned::span), "it takes none"),
        ("reply", raw.reply.as_ref().map(|reply| reply.span.clone()), "it is always JSON"),
    ];
    for (key, span, label) in keys {
        if let Some(span) = span {
            check.note(
                ConfigProblem::new(format!("`{key}` does not apply with `list`")).at(span, label),
            );
        }
    }
}
