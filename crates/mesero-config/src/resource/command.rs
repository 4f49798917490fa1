//! A command as a resource: what is run, with what, and what its exit codes mean.

pub(crate) mod placeholder;
pub(crate) mod program;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use toml::Spanned;

use crate::check::Check;
use crate::elements::count::Count;
use crate::elements::element::Setting;
use crate::elements::secret::Secret;
use crate::elements::size::Size;
use crate::error::ConfigProblem;
use crate::file::raw;
use crate::resource::command::placeholder::Placeholder;
use crate::resource::command::program::Program;
use crate::resource::environment::variable;

/// A command that is run once for each attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandSettings {
    pub program: Program,
    /// An absolute path.
    pub directory: PathBuf,
    /// Set in the environment; values are never printed, since they often are passwords.
    pub env: BTreeMap<String, Secret>,
    /// Set if the command gets only `env`, and nothing of mesero's own environment.
    pub clear_env: bool,
    /// Processes at once, each in a group of its own.
    pub processes: NonZeroUsize,
    /// From asking a process group to end to killing it.
    pub grace: Duration,
    /// Instead of what the route's `reply` says.
    pub content_type: Option<HeaderValue>,
    /// An exit code that is not in here is a failure.
    pub exit_codes: BTreeMap<i32, StatusCode>,
    pub output: Delivery,
}

/// Delivery of a command's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Once the command has ended, if its output has at most `limit` bytes.
    Whole { limit: usize },
    /// As it comes.
    Streamed,
}

impl CommandSettings {
    /// Checks the keys of a command, whose policy has this limit. The placeholders have to be
    /// arguments of every route that uses it.
    pub(crate) fn check(
        mut raw: raw::Resource,
        limit: Option<NonZeroUsize>,
        check: &mut Check<'_>,
    ) -> Option<(Self, Vec<Placeholder>)> {
        let (program, placeholders) =
            program::check(raw.command.take()?, is_set(raw.shell.as_ref()), check)?;
        let processes = raw.processes.as_ref().map(|count| Count::non_zero_usize(count.value));
        let env = std::mem::take(&mut raw.env);
        let command = Self {
            program,
            directory: directory(raw.directory.as_ref(), check),
            env: env.into_iter().map(|(name, value)| variable(&name, &value, check)).collect(),
            clear_env: is_set(raw.clear_env.as_ref()),
            // A limit says how many are expected; without one, there is no use in more than can run.
            processes: processes.or(limit).unwrap_or_else(processors),
            grace: Setting::or(raw.grace.take(), Duration::from_secs(2)),
            content_type: raw.content_type.take().map(|written| written.value.0),
            exit_codes: exit_codes(std::mem::take(&mut raw.exit_codes), check),
            output: output(&raw, check),
        };
        Some((command, placeholders))
    }

    /// Returns how many can run at once, as far as it is written.
    pub(crate) fn most_calls(raw: &raw::Resource) -> NonZeroUsize {
        raw.processes.as_ref().map_or(NonZeroUsize::MAX, |count| count.value.non_zero_usize())
    }
}

fn is_set(written: Option<&Spanned<bool>>) -> bool {
    written.is_some_and(|written| *written.get_ref())
}

fn processors() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

fn directory(written: Option<&Spanned<String>>, check: &mut Check<'_>) -> PathBuf {
    let Some(written) = written else { return check.path(".").absolute };
    let path = check.path(written.get_ref());
    if !path.absolute.is_dir() {
        let label = format!("there is no folder `{}`", path.shown.display());
        check.note(ConfigProblem::new("`directory` does not exist").at(written.span(), label));
    }
    path.absolute
}

fn exit_codes(
    written: raw::NamedTable<Setting<StatusCode>>,
    check: &mut Check<'_>,
) -> BTreeMap<i32, StatusCode> {
    let mut codes = BTreeMap::new();
    for (code, status) in written {
        let number: Option<u8> = code.get_ref().parse().ok();
        match number.filter(|number| number.to_string() == *code.get_ref()) {
            Some(number) => {
                codes.insert(i32::from(number), status.value);
            }
            None => {
                let problem =
                    ConfigProblem::new(format!("`{}` is not an exit code", code.get_ref()));
                check.note(problem.at(code.span(), "expected a whole number from 0 to 255"));
            }
        }
    }
    codes
}

/// The default of `output_limit`.
const OUTPUT_LIMIT: Size = Size(1024 * 1024);

fn output(raw: &raw::Resource, check: &mut Check<'_>) -> Delivery {
    let limit = raw.output_limit.as_ref();
    if is_set(raw.stream.as_ref()) {
        if let Some(limit) = limit {
            let problem = ConfigProblem::new("`output_limit` does not apply with `stream = true`");
            check.note(problem.at(limit.span.clone(), "streamed output has no limit"));
        }
        Delivery::Streamed
    } else {
        let limit = limit.map_or(OUTPUT_LIMIT, |limit| limit.value);
        Delivery::Whole { limit: limit.0 }
    }
}
