//! A configuration without a file: one Python callable and its routes, from the command line.

mod route_template;
pub(crate) mod target;

use std::ops::Range;
use std::path::Path;

use toml::Spanned;

use crate::Config;
use crate::check::{Check, File};
use crate::elements::target::Target;
use crate::elements::{Element, Setting};
use crate::error::{ConfigError, Problem, Source};
use crate::file::raw;
use crate::resource::is_resource_name;

/// What was typed on the command line; what is `None` has the default of the same key in a file.
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
    pub timeout: Option<String>,
    pub deadline: Option<String>,
}

/// Reads the flags as if they were a file in the current folder, with one resource.
///
/// The resource is named after the function; a problem shows the flag that it is in.
pub(crate) fn config(input: &FlagsInput) -> Result<Config, ConfigError> {
    let mut sheet = Sheet::default();
    let document = sheet.document(input);
    let Sheet { text, problems } = sheet;
    let result = match (problems.is_empty(), document) {
        (true, Some(document)) => {
            let file = File { text: &text, folder: Path::new(".") };
            Config::check(vec![document], Check::new(vec![file]))
        }
        _ => Err(problems),
    };
    result.map_err(|problems| refused(text, problems))
}

/// The error about flags that stand in `text` as a sheet has them.
pub(crate) fn refused(text: String, problems: Vec<Problem>) -> ConfigError {
    let origin = "command line".to_owned();
    ConfigError::in_texts(vec![Source { origin, text }], problems)
}

/// The flags as a text of one line each, which the places of problems refer to.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    pub(crate) text: String,
    pub(crate) problems: Vec<Problem>,
}

impl Sheet {
    /// Returns `None` when the callable, after which all is named, was refused.
    fn document(&mut self, input: &FlagsInput) -> Option<raw::Document> {
        let python: Option<Setting<Target>> = self.setting("--python", Some(&input.python));
        let name = python.as_ref().map(|python| {
            Spanned::new(python.span.clone(), resource_name(python.value.last_name()))
        });
        let server = raw::Server {
            listen: self.setting("--listen", input.listen.as_ref()),
            control: self.setting("--control", input.control.as_ref()),
            ..raw::Server::default()
        };
        let policy = raw::Policy {
            limit: self.setting("--limit", input.limit.as_ref()),
            queue: self.setting("--queue", input.queue.as_ref()),
            timeout: self.setting("--timeout", input.timeout.as_ref()),
            deadline: self.setting("--deadline", input.deadline.as_ref()),
            ..raw::Policy::default()
        };
        let resource = raw::Resource {
            python,
            interpreter: self.string("--interpreter", input.interpreter.as_ref()),
            venv: self.string("--venv", input.venv.as_ref()),
            processes: self.setting("--processes", input.processes.as_ref()),
            threads: self.setting("--threads", input.threads.as_ref()),
            concurrency: self.setting("--concurrency", input.concurrency.as_ref()),
            policy,
            ..raw::Resource::default()
        };
        let reply = self.setting("--reply", input.reply.as_ref());
        let mut routes: Vec<_> = input.routes.iter().filter_map(|text| self.route(text)).collect();
        let name = name?;
        for route in &mut routes {
            route.get_mut().resource = Some(name.clone());
            route.get_mut().reply.clone_from(&reply);
        }
        let resource = [(name, Spanned::new(0..0, resource))].into();
        Some(raw::Document { server, resource, route: routes })
    }

    /// Reads the value of a flag; notes a problem where it cannot be read.
    pub(crate) fn setting<T: Element>(
        &mut self,
        flag: &str,
        word: Option<&String>,
    ) -> Option<Setting<T>> {
        let word = word?;
        let span = self.write(flag, word);
        Setting::from_word(word, span.clone())
            .map_err(|label| {
                self.problems
                    .push(Problem::new(format!("invalid value for `{flag}`")).at(span, label));
            })
            .ok()
    }

    /// The value of a flag that may be any text.
    pub(crate) fn string(&mut self, flag: &str, word: Option<&String>) -> Option<Spanned<String>> {
        let word = word?;
        Some(Spanned::new(self.write(flag, word), word.clone()))
    }

    fn route(&mut self, text: &str) -> Option<Spanned<raw::Route>> {
        let span = self.write("--route", text);
        route_template::route(text, span.start)
            .map(|route| Spanned::new(span, route))
            .map_err(|problem| self.problems.push(problem))
            .ok()
    }

    /// Adds a line; returns the place of the value in it.
    fn write(&mut self, flag: &str, value: &str) -> Range<usize> {
        self.text.push_str(flag);
        self.text.push(' ');
        let start = self.text.len();
        self.text.push_str(value);
        self.text.push('\n');
        start..start + value.len()
    }
}

/// Makes a resource's name of a function's: `_Square` becomes `square`.
fn resource_name(function: &str) -> String {
    let name = function.trim_start_matches('_').to_lowercase();
    if is_resource_name(&name) { name } else { "python".to_owned() }
}
