//! A resource without a file: the target of a command line, behind the policy of its flags.

use std::num::NonZeroUsize;
use std::path::Path;

use mesero::Order;
use toml::Spanned;

use crate::check::{Check, SourceFile};
use crate::config::Config;
use crate::elements::limit::LimitSettings;
use crate::elements::python_target::PythonTarget;
use crate::elements::upstream::Upstream;
use crate::error::{ConfigError, ConfigProblem};
use crate::file::raw;
use crate::flags::flag_text::FlagText;
use crate::flags::policy::PolicyFlags;
use crate::resource::command::program::Program;
use crate::resource::http::{Behalf, PER_REQUEST_ABANDONED_TIMEOUT};
use crate::resource::{ResourceKind, ResourceSettings};
use crate::template::Template;

/// The name of such a resource in lists of jobs and in metrics.
const NAME: &str = "run";

/// The limit of calls at once if neither the flags nor the resource set one.
const LIMIT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9);

/// The highest limit that finds itself, where the resource has no size of its own.
const AUTO_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(199);

/// The smallest number of seats, so that the limit can be raised at run time; unused seats cost next to nothing.
const PLACES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);

/// The target that a command line names.
#[derive(Debug)]
pub enum CommandLineTarget {
    /// `MODULE:FUNCTION`.
    Python { function: String, workers: WorkerFlags },
    /// Scheme, host and port of an HTTP server.
    Http(String),
    /// The HTTP server that each request names.
    AnyHttp,
    /// A program, and the templates of its arguments.
    Command { program: String, arguments: Vec<Template> },
    /// A stub that answers at once.
    Stub,
}

/// Flags of Python workers; `None` means the default of the same key in a file.
#[derive(Clone, Debug, Default)]
pub struct WorkerFlags {
    pub interpreter: Option<String>,
    pub venv: Option<String>,
    pub processes: Option<String>,
    pub threads: Option<String>,
    pub concurrency: Option<String>,
}

impl ResourceSettings {
    /// Makes the resource that a command line names, with a policy of these flags alone.
    ///
    /// Relative paths start at the current folder.
    ///
    /// # Errors
    /// If a part of the command line is wrong; the error shows it.
    pub fn from_command_line(
        target: CommandLineTarget,
        flags: &PolicyFlags,
    ) -> Result<Self, ConfigError> {
        let mut text = FlagText::default();
        let is_per_request = matches!(target, CommandLineTarget::AnyHttp);
        let (mut raw, mut arguments) = (raw::Resource::default(), Vec::new());
        match target {
            CommandLineTarget::Python { function, workers } => {
                raw.python = text.setting::<PythonTarget>("TARGET python", Some(&function));
                raw.interpreter = text.string("--interpreter", workers.interpreter.as_ref());
                raw.venv = text.string("--venv", workers.venv.as_ref());
                raw.processes = text.setting("--processes", workers.processes.as_ref());
                // As many as are asked for: a sync function needs threads, an async one room on its loop.
                let plain = workers.processes.is_none();
                let limit = flags.limit.as_ref().filter(|limit| plain && *limit != "auto");
                raw.threads = text.setting("--threads", workers.threads.as_ref().or(limit));
                raw.concurrency =
                    text.setting("--concurrency", workers.concurrency.as_ref().or(limit));
            }
            CommandLineTarget::Http(server) => {
                raw.http = text.setting::<Upstream>("TARGET", Some(&server));
            }
            CommandLineTarget::AnyHttp => {
                // Somewhere; what is asked for there is asked elsewhere.
                raw.http = text.setting::<Upstream>("TARGET", Some(&"http://localhost".to_owned()));
            }
            CommandLineTarget::Command { program, arguments: templates } => {
                raw.command = text.string("--", Some(&program)).map(|program| {
                    let span = program.span();
                    Spanned::new(span, vec![program])
                });
                arguments = templates;
            }
            CommandLineTarget::Stub => raw.stub = Some(Spanned::new(0..0, raw::Stub::default())),
        }
        let document = raw::Document {
            resource: [(Spanned::new(0..0, NAME.to_owned()), Spanned::new(0..0, raw))].into(),
            ..raw::Document::default()
        };
        let problems = std::mem::take(&mut text.problems);
        let checked = if problems.is_empty() {
            let file = SourceFile { text: &text.text, folder: Path::new(".") };
            Config::check(vec![document], Check::new(vec![file]))
        } else {
            Err(problems)
        };
        let mut resource = match checked.map(|config| config.resources.into_iter().next()) {
            Ok(Some(resource)) => resource,
            Ok(None) => return Err(text.error(vec![ConfigProblem::new("there is no target")])),
            Err(problems) => return Err(text.error(problems)),
        };
        resource.policy.deadline = None;
        let mut resource = resource.with_flags(flags)?;
        resource.make_room(arguments);
        if let ResourceKind::Http(proxy) = &mut resource.kind {
            proxy.is_per_request = is_per_request;
            if is_per_request {
                proxy.abandoned.timeout = PER_REQUEST_ABANDONED_TIMEOUT;
            }
        }
        Ok(resource)
    }

    /// Overrides the policy with flags, for calls that mesero makes itself.
    ///
    /// Such calls wait as long as it takes, and are served oldest first: they are all of one caller, which does not leave.
    /// Requests to an HTTP server are mesero's own.
    ///
    /// # Errors
    /// If a flag is wrong, or contradicts another.
    pub fn with_flags(mut self, flags: &PolicyFlags) -> Result<Self, ConfigError> {
        flags.change(&mut self.policy)?;
        self.policy.order = Order::Fifo;
        self.policy.queue_timeout = None;
        (self.policy.sources, self.policy.per_key) = Default::default();
        if let ResourceKind::Http(proxy) = &mut self.kind {
            proxy.behalf = Behalf::Own;
        }
        Ok(self)
    }

    /// Gives a resource without a size of its own the seats that its limit needs, and more.
    fn make_room(&mut self, templates: Vec<Template>) {
        let policy = &mut self.policy;
        let mut room = |default: NonZeroUsize| {
            let limit = policy.limit.get_or_insert(LimitSettings::Fixed(default));
            if let LimitSettings::Auto { max: max @ None, .. } = limit {
                *max = Some(AUTO_MAX);
            }
            limit.highest().map_or(PLACES, |most| most.max(PLACES))
        };
        match &mut self.kind {
            ResourceKind::Http(proxy) => proxy.connections = room(LIMIT),
            ResourceKind::Command(command) => {
                command.processes = room(command.processes);
                if let Program::Direct { arguments, .. } = &mut command.program {
                    *arguments = templates;
                }
            }
            ResourceKind::Stub(_) => _ = room(LIMIT),
            ResourceKind::Python { .. } | ResourceKind::Wsgi(_) => {}
        }
    }
}
