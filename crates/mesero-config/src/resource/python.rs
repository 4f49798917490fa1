//! Worker processes that run Python code, and their limits.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use http::StatusCode;
use toml::Spanned;

use crate::check::Check;
use crate::elements::count;
use crate::elements::element::Setting;
use crate::elements::off::OrOff;
use crate::elements::secret::Secret;
use crate::error::ConfigProblem;
use crate::file::raw;
use crate::resource::capacity::Capacity;
use crate::resource::environment::variable;
use crate::resource::recycling::Recycling;

/// The default of `concurrency`.
const CONCURRENCY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99);

/// The shortest block of an event loop that is logged, unless written: the delay that a person begins to notice.
const LOOP_BLOCKED: Duration = Duration::from_millis(100);
const SHORTEST_BLOCK: Duration = Duration::from_millis(10);

/// Worker processes that run Python code.
#[derive(Clone, Debug, PartialEq)]
pub struct PythonSettings {
    /// An absolute path, or a bare name to be looked up in `PATH`.
    pub interpreter: PathBuf,
    /// Absolute folders for `sys.path`, the first one first.
    pub path: Vec<PathBuf>,
    pub processes: NonZeroUsize,
    /// For a sync callable: threads of each process.
    pub threads: NonZeroUsize,
    /// For an async callable: calls in flight in each process.
    pub concurrency: NonZeroUsize,
    /// Added to the environment of the worker; values are never printed, since they often are passwords.
    pub env: BTreeMap<String, Secret>,
    /// The statuses of exceptions, by the qualified names of their types.
    pub exceptions: BTreeMap<String, StatusCode>,
    /// The time of a worker from its start to its first message.
    pub start_timeout: Duration,
    /// From asking a worker to end to killing it.
    pub grace: Duration,
    /// For an async callable: how long its event loop may be blocked before that is logged.
    pub loop_blocked: Option<Duration>,
    pub recycling: Recycling,
    /// From the interruption of an abandoned call to the replacement of its process; none if calls are not interrupted.
    pub interrupt: Option<Duration>,
    /// Set if such a process is killed at once, instead of when its other calls are done.
    pub kill_siblings: bool,
}

impl Default for PythonSettings {
    /// One process of `python3`, with one thread, that imports from the interpreter's own folders.
    fn default() -> Self {
        Self {
            interpreter: PathBuf::from("python3"),
            path: Vec::new(),
            processes: NonZeroUsize::MIN,
            threads: NonZeroUsize::MIN,
            concurrency: CONCURRENCY,
            env: BTreeMap::new(),
            exceptions: BTreeMap::new(),
            start_timeout: Duration::from_secs(60),
            grace: Duration::from_secs(2),
            loop_blocked: Some(LOOP_BLOCKED),
            recycling: Recycling::default(),
            interrupt: Some(Duration::from_secs(1)),
            kill_siblings: false,
        }
    }
}

impl PythonSettings {
    /// Checks what runs the Python code of a resource.
    pub(crate) fn of(mut raw: raw::Resource, check: &mut Check<'_>) -> Self {
        let default = Self::default();
        let recycling = Recycling::check(&mut raw, check);
        let interpreter =
            interpreter(raw.interpreter, raw.venv, check).unwrap_or(default.interpreter);
        let path = match raw.path {
            Some(folders) => folders.iter().map(|folder| existing_folder(folder, check)).collect(),
            None => vec![check.path(".").absolute],
        };
        let env = raw.env.into_iter().map(|(name, value)| variable(&name, &value, check)).collect();
        Self {
            interpreter,
            path,
            processes: count::or(raw.processes.as_ref(), default.processes),
            threads: count::or(raw.threads.as_ref(), default.threads),
            concurrency: count::or(raw.concurrency.as_ref(), default.concurrency),
            env,
            exceptions: exceptions(raw.exceptions, check),
            start_timeout: Setting::or(raw.start_timeout, default.start_timeout),
            grace: Setting::or(raw.grace, default.grace),
            loop_blocked: loop_blocked(raw.loop_blocked, check),
            recycling,
            interrupt: raw.interrupt.map_or(default.interrupt, |written| written.value.on()),
            kill_siblings: raw.kill_siblings.is_some_and(|kill| *kill.get_ref()),
        }
    }

    /// Returns how many calls the resource can run at once if its callable is of the better suited sort.
    pub(crate) fn capacity(raw: &raw::Resource) -> Capacity {
        let threads = count::or(raw.threads.as_ref(), NonZeroUsize::MIN);
        let concurrency = count::or(raw.concurrency.as_ref(), CONCURRENCY);
        let processes = count::or(raw.processes.as_ref(), NonZeroUsize::MIN);
        Capacity {
            calls: processes.saturating_mul(threads.max(concurrency)),
            because: "a sync callable runs processes × threads calls, an async one processes × concurrency",
        }
    }
}

fn loop_blocked(
    setting: Option<Setting<OrOff<Duration>>>,
    check: &mut Check<'_>,
) -> Option<Duration> {
    let Some(Setting { value, span }) = setting else { return Some(LOOP_BLOCKED) };
    let after = value.on()?;
    if after < SHORTEST_BLOCK {
        let problem =
            ConfigProblem::new("`loop_blocked` is too short").at(span, "expected at least 10ms");
        check.note(problem.help("the loop is checked four times within it"));
    }
    Some(after)
}

fn interpreter(
    interpreter: Option<Spanned<String>>,
    venv: Option<Spanned<String>>,
    check: &mut Check<'_>,
) -> Option<PathBuf> {
    match (interpreter, venv) {
        (Some(interpreter), Some(venv)) => {
            let problem = ConfigProblem::new("both `interpreter` and `venv`");
            let problem = problem.at(interpreter.span(), "an interpreter is named here");
            check.note(
                problem.at(venv.span(), "and another one is implied here").help("keep one of them"),
            );
            None
        }
        (Some(interpreter), None) => Some(named_interpreter(&interpreter, check)),
        (None, Some(venv)) => {
            let path = check.path(&format!("{}/bin/python", venv.get_ref()));
            if !path.absolute.is_file() {
                let label = format!("there is no `{}`", path.shown.display());
                let problem = ConfigProblem::new("`venv` is not a virtual environment")
                    .at(venv.span(), label);
                check.note(problem.help("make one with `python3 -m venv FOLDER`"));
            }
            Some(path.absolute)
        }
        (None, None) => None,
    }
}

fn named_interpreter(interpreter: &Spanned<String>, check: &mut Check<'_>) -> PathBuf {
    let written = interpreter.get_ref();
    if written.is_empty() {
        let problem = ConfigProblem::new("`interpreter` is empty");
        check.note(problem.at(interpreter.span(), "expected a program's name or its path"));
    }
    // As for a shell: a name without a slash is looked up, one with a slash is a path.
    if !written.contains('/') {
        return PathBuf::from(written);
    }
    let path = check.path(written);
    if !path.absolute.is_file() {
        let label = format!("there is no file `{}`", path.shown.display());
        check
            .note(ConfigProblem::new("`interpreter` does not exist").at(interpreter.span(), label));
    }
    path.absolute
}

fn exceptions(
    written: raw::NamedTable<Setting<StatusCode>>,
    check: &mut Check<'_>,
) -> BTreeMap<String, StatusCode> {
    for (name, status) in &written {
        let is_word = |part: &str| {
            let mut letters = part.chars();
            letters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
                && letters.all(|letter| letter.is_alphanumeric() || letter == '_')
        };
        if !name.get_ref().split('.').all(is_word) {
            let problem =
                ConfigProblem::new(format!("`{}` is not the name of an exception", name.get_ref()));
            let label = "expected MODULE.NAME, or the name of a built-in exception";
            check.note(problem.at(name.span(), label).help(
                "write it as in the log, such as \"package.module.NotThere\" or LookupError",
            ));
        }
        if !status.value.is_client_error() && !status.value.is_server_error() {
            let problem =
                ConfigProblem::new(format!("`{}` is not an error status", status.value.as_u16()));
            let label = "expected a status from 400 to 599";
            check.note(problem.at(status.span.clone(), label));
        }
    }
    written.into_iter().map(|(name, status)| (name.into_inner(), status.value)).collect()
}

fn existing_folder(folder: &Spanned<String>, check: &mut Check<'_>) -> PathBuf {
    let path = check.path(folder.get_ref());
    if !path.absolute.is_dir() {
        let label = format!("there is no folder `{}`", path.shown.display());
        check
            .note(ConfigProblem::new("a folder in `path` does not exist").at(folder.span(), label));
    }
    path.absolute
}
