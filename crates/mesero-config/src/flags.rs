//! A configuration without a file: one Python callable and its routes, from the command line.

mod flag_text;
pub(crate) mod policy;
mod route_template;
pub(crate) mod target;

use std::path::Path;

use toml::Spanned;

use crate::check::{Check, SourceFile};
use crate::config::Config;
use crate::elements::element::Setting;
use crate::elements::python_target::PythonTarget;
use crate::error::ConfigError;
use crate::file::raw;
use crate::flags::flag_text::FlagText;
use crate::resource::is_resource_name;

/// Flags of a server without a file; `None` means the default of the same key in a file.
#[derive(Clone, Debug, Default)]
pub struct FlagsInput {
    /// `MODULE:FUNCTION`.
    pub python: String,
    /// Templates such as `/calculate_square?num={num:float}`.
    pub routes: Vec<String>,
    pub reply: Option<String>,
    pub listen: Option<String>,
    pub control: Option<String>,
    pub interpreter: Option<String>,
    pub venv: Option<String>,
    pub processes: Option<String>,
    pub threads: Option<String>,
    pub concurrency: Option<String>,
    pub limit: Option<String>,
    pub queue: Option<String>,
    pub order: Option<String>,
    pub key: Option<String>,
    pub queue_timeout: Option<String>,
    pub timeout: Option<String>,
    pub deadline: Option<String>,
}

impl Config {
    /// Builds the configuration of one Python resource from flags; relative paths start at the current folder.
    ///
    /// The flags are read as if they were a file with one resource, which is named after the function; a problem
    /// shows the flag that it is in.
    pub fn from_flags(input: &FlagsInput) -> Result<Self, ConfigError> {
        let mut flags = FlagText::default();
        let document = document(&mut flags, input);
        let problems = std::mem::take(&mut flags.problems);
        let result = match document {
            Some(document) if problems.is_empty() => {
                let file = SourceFile { text: &flags.text, folder: Path::new(".") };
                Config::check(vec![document], Check::new(vec![file]))
            }
            _ => Err(problems),
        };
        result.map_err(|problems| flags.error(problems))
    }
}

/// Returns `None` when the callable, after which all is named, was refused.
fn document(flags: &mut FlagText, input: &FlagsInput) -> Option<raw::Document> {
    let python: Option<Setting<PythonTarget>> = flags.setting("--python", Some(&input.python));
    let name = python
        .as_ref()
        .map(|python| Spanned::new(python.span.clone(), resource_name(python.value.last_name())));
    let server = raw::Server {
        listen: flags.setting("--listen", input.listen.as_ref()),
        control: flags.setting("--control", input.control.as_ref()),
        ..raw::Server::default()
    };
    let policy = raw::Policy {
        limit: flags.setting("--limit", input.limit.as_ref()),
        queue: flags.setting("--queue", input.queue.as_ref()),
        order: flags.setting("--order", input.order.as_ref()),
        key: flags.setting("--key", input.key.as_ref()),
        queue_timeout: flags.setting("--queue-timeout", input.queue_timeout.as_ref()),
        timeout: flags.setting("--timeout", input.timeout.as_ref()),
        deadline: flags.setting("--deadline", input.deadline.as_ref()),
        ..raw::Policy::default()
    };
    let resource = raw::Resource {
        python,
        interpreter: flags.string("--interpreter", input.interpreter.as_ref()),
        venv: flags.string("--venv", input.venv.as_ref()),
        processes: flags.setting("--processes", input.processes.as_ref()),
        threads: flags.setting("--threads", input.threads.as_ref()),
        concurrency: flags.setting("--concurrency", input.concurrency.as_ref()),
        policy,
        ..raw::Resource::default()
    };
    let reply = flags.setting("--reply", input.reply.as_ref());
    let mut routes: Vec<_> = input.routes.iter().filter_map(|text| route(flags, text)).collect();
    let name = name?;
    for route in &mut routes {
        route.get_mut().resource = Some(name.clone());
        route.get_mut().reply.clone_from(&reply);
    }
    let resource = [(name, Spanned::new(0..0, resource))].into();
    Some(raw::Document { server, resource, route: routes })
}

fn route(flags: &mut FlagText, text: &str) -> Option<Spanned<raw::Route>> {
    let span = flags.write("--route", text);
    route_template::route(text, span.start)
        .map(|route| Spanned::new(span, route))
        .map_err(|problem| flags.problems.push(problem))
        .ok()
}

/// Makes a resource's name of a function's: `_Square` becomes `square`.
fn resource_name(function: &str) -> String {
    let name = function.trim_start_matches('_').to_lowercase();
    if is_resource_name(&name) { name } else { "python".to_owned() }
}
