//! What is called for every item, and how an item becomes a call of it.

#![forbid(unsafe_code)]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use mesero::Call;
use mesero_config::template::{Template, WHOLE};
use mesero_config::{Config, Kind, Named, Program, ReplyForm, ResourceSettings};
use mesero_http::payload::Payload;
use mesero_resources::{Request, RequestContext};
use mesero_terminal::nearest::{listed, nearest};
use siphasher::sip128::SipHasher13;

use crate::item::Input;

mod args;
mod arguments;
mod body;
mod body_option;
pub mod item;
mod request;

pub use args::{RequestFlags, TargetArgs, TargetOptions};
use arguments::TextParsing;
pub use body_option::BodyOption;
use request::RequestTemplate;

/// What is called.
#[derive(Debug)]
pub struct Target {
    /// What of it makes a difference for an answer; the ids of items depend on it.
    pub identity: String,
    /// A hash of what else does, where it is not read from the target's name.
    pub config: String,
    /// For people: what is called for an item.
    shown: Template,
    template: CallTemplate,
    /// The request of a call that is none.
    empty_context: Arc<RequestContext>,
    whole: Arc<str>,
}

/// What an item becomes.
#[derive(Debug)]
enum CallTemplate {
    /// Arguments of a function.
    Arguments(TextParsing),
    /// A request.
    Request(Box<RequestTemplate>),
    /// Named arguments of a command.
    Words(Vec<Arc<str>>),
    /// Nothing: it is always the same call.
    Nothing,
}

impl Target {
    /// Reads what the command line names: the target, and the resource that it calls.
    ///
    /// # Errors
    /// What is wrong with it; a whole message.
    pub fn read(wanted: &TargetOptions<'_>) -> Result<(Self, ResourceSettings), TargetError> {
        let (template, resource, shown) = match (wanted.command.split_first(), wanted.word) {
            (Some((program, words)), _) => {
                let mut templates: Vec<_> =
                    words.iter().map(|word| Template::parse_loosely(word)).collect();
                // As xargs does: without a place of its own, the item is the last argument. Who only repeats a command
                // means it as it is.
                let mut shown = std::iter::once(program).chain(words).cloned().collect::<Vec<_>>();
                let has_place = templates.iter().any(|template| template.names().next().is_some());
                if !has_place && !wanted.is_repetition {
                    templates.push(Template::whole());
                    shown.push(WHOLE.to_owned());
                }
                let template = CallTemplate::Words(names(templates.iter()));
                let named = Named::Command { program: program.clone(), arguments: templates };
                let resource = ResourceSettings::named(named, &wanted.policy)?;
                (template, resource, shown.join(" "))
            }
            (None, None) => return Err(TargetError::Missing),
            (None, Some(target)) => {
                let (template, resource) = Self::read_word(target, wanted)?;
                (template, resource, target.to_owned())
            }
        };
        if !matches!(template, CallTemplate::Request(_))
            && let Some(flag) = wanted.request.first_flag()
        {
            return Err(TargetError::NotHttp { flag, target: shown });
        }
        let identity = match &template {
            CallTemplate::Request(requests) => format!("{shown} {}", requests.identity()),
            _ => shown.clone(),
        };
        let (head, ()) = http::Request::new(()).into_parts();
        let empty_context =
            Arc::new(RequestContext { head, prefix: String::new(), peer: LOCAL_PEER });
        let (shown, whole) = (Template::parse_loosely(&shown), WHOLE.into());
        let config = match wanted.word {
            Some(target) if target.starts_with('@') => format!("{:?}", resource.kind),
            _ => wanted.target.environment_identity(),
        };
        let config = format!("{:032x}", SipHasher13::new().hash(config.as_bytes()).as_u128());
        Ok((Self { identity, config, shown, template, empty_context, whole }, resource))
    }

    fn read_word(
        target: &str,
        wanted: &TargetOptions<'_>,
    ) -> Result<(CallTemplate, ResourceSettings), TargetError> {
        let flags = &wanted.policy;
        let request =
            |path: &str| RequestTemplate::read(path, &wanted.request).map_err(TargetError::Request);
        if let Some(function) = target.strip_prefix("python:") {
            let named =
                Named::Python { function: function.to_owned(), workers: wanted.target.workers() };
            return Ok((
                CallTemplate::Arguments(wanted.target.text_parsing()),
                ResourceSettings::named(named, flags)?,
            ));
        }
        if let Some((server, path)) = server_with_places(target) {
            let requests = RequestTemplate::read_with_server(server, path, &wanted.request);
            let requests = requests.map_err(TargetError::Request)?;
            let resource = ResourceSettings::named(Named::AnyHttp, flags)?;
            return Ok((CallTemplate::Request(Box::new(requests)), resource));
        }
        if let Some((scheme, rest)) = target.split_once("://") {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let (server, path) = rest.split_at(end);
            let requests = request(path)?;
            let resource =
                ResourceSettings::named(Named::Http(format!("{scheme}://{server}")), flags)?;
            return Ok((CallTemplate::Request(Box::new(requests)), resource));
        }
        if let Some(named) = target.strip_prefix('@') {
            let (name, path) = named.split_at(named.find(['/', '?']).unwrap_or(named.len()));
            let resource = from_file(name, &wanted.target.config)?.with(flags)?;
            let template = match &resource.kind {
                Kind::Proxy(_) | Kind::Wsgi(_) => CallTemplate::Request(Box::new(request(path)?)),
                _ if !path.is_empty() => {
                    return Err(TargetError::NoPath {
                        name: name.to_owned(),
                        path: path.to_owned(),
                    });
                }
                Kind::Python { .. } => CallTemplate::Arguments(wanted.target.text_parsing()),
                Kind::Command(command) => CallTemplate::Words(match &command.program {
                    Program::Direct { arguments, .. } => names(arguments.iter()),
                    Program::Shell { .. } => {
                        return Err(TargetError::Shell { name: name.to_owned() });
                    }
                }),
                Kind::Stub(_) => CallTemplate::Nothing,
            };
            return Ok((template, resource));
        }
        if target == "stub:" {
            return Ok((CallTemplate::Nothing, ResourceSettings::named(Named::Stub, flags)?));
        }
        Err(TargetError::Unknown { target: target.to_owned() })
    }

    /// The names of fields that every item has to have; [`WHOLE`] among them where the item itself is wanted.
    pub fn names(&self) -> Vec<String> {
        match &self.template {
            CallTemplate::Request(requests) => requests.names(),
            CallTemplate::Words(names) => names.iter().map(ToString::to_string).collect(),
            CallTemplate::Arguments(_) | CallTemplate::Nothing => Vec::new(),
        }
    }

    /// What is asked for, for an item.
    ///
    /// # Errors
    /// Why the item cannot be called for.
    pub fn request(&self, input: &Input) -> Result<Request, String> {
        let plain = |arguments: Bytes| Request {
            context: Arc::clone(&self.empty_context),
            arguments,
            body: Payload::Whole(Bytes::new()),
            form: ReplyForm::Json,
        };
        match &self.template {
            CallTemplate::Arguments(text_parsing) => {
                Ok(plain(text_parsing.arguments(input).into()))
            }
            CallTemplate::Request(requests) => requests.request(input),
            CallTemplate::Words(names) => {
                let missing = names.iter().find(|name| input.text(name).is_none());
                let request = Request { form: ReplyForm::Text, ..plain(Bytes::from_static(b"{}")) };
                missing.map_or(Ok(request), |name| Err(missing_field(name)))
            }
            CallTemplate::Nothing => Ok(plain(Bytes::from_static(b"{}"))),
        }
    }

    /// Whether a process is started for every attempt.
    pub fn is_command(&self) -> bool {
        matches!(self.template, CallTemplate::Words(_))
    }

    /// Whether items differ in the server that is asked.
    pub fn has_server_per_item(&self) -> bool {
        matches!(&self.template, CallTemplate::Request(requests) if requests.has_server_per_item())
    }

    /// The call for an item, as lists of jobs show it.
    pub fn call(&self, input: &Input, key: Option<&str>) -> Call {
        let call = key.map_or_else(Call::unkeyed, Call::new);
        let text = |name: &str| input.text(name).unwrap_or_default().into_owned();
        match &self.template {
            CallTemplate::Words(names) => {
                names.iter().fold(call, |call, name| call.argument(Arc::clone(name), text(name)))
            }
            _ => call.argument(Arc::clone(&self.whole), text(WHOLE)),
        }
    }

    /// For people: what was called for an item.
    pub fn shown(&self, input: &Input) -> String {
        let mut shown = String::new();
        for part in self.shown.pieces() {
            match part {
                mesero_config::template::Part::Text(text) => shown.push_str(text),
                mesero_config::template::Part::Name(name) => {
                    shown.push_str(&input.text(name).unwrap_or_default());
                }
            }
        }
        shown
    }
}

/// A URL in two, before its path, where scheme, host or port have places; or a URL that begins with a place, after it.
fn server_with_places(target: &str) -> Option<(&str, &str)> {
    if target.starts_with('{') {
        let end = target.find('}')? + 1;
        let (place, rest) = target.split_at(end);
        // The whole URL, or what stands before a path or a query.
        if rest.is_empty() || rest.starts_with(['/', '?']) {
            return Some((place, rest));
        }
    }
    let (scheme, rest) = target.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (server, path) = target.split_at(scheme.len() + "://".len() + end);
    server.contains('{').then_some((server, path))
}

/// Whether it is a URL without its scheme, such as `localhost:8000/square`.
fn looks_like_a_url(target: &str) -> bool {
    let server = target.split(['/', '?']).next().unwrap_or_default();
    server
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

/// Requests of our own come from nobody else.
const LOCAL_PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn missing_field(name: &str) -> String {
    format!("it has no `{name}`, which the target has a place for")
}

/// All names in templates, each once.
fn names<'a>(templates: impl Iterator<Item = &'a Template>) -> Vec<Arc<str>> {
    let mut names: Vec<Arc<str>> = Vec::new();
    for (name, _) in templates.flat_map(Template::names) {
        if !names.iter().any(|known| **known == *name) {
            names.push(name.into());
        }
    }
    names
}

fn from_file(name: &str, file: &Path) -> Result<ResourceSettings, TargetError> {
    if !file.exists() {
        return Err(TargetError::NoFile {
            name: name.to_owned(),
            file: file.display().to_string(),
        });
    }
    let config = Config::load(&[file])?;
    let names: Vec<_> = config.resources.iter().map(|resource| resource.name.clone()).collect();
    let found = config.resources.into_iter().find(|resource| resource.name == name);
    found.ok_or_else(|| {
        let hint = nearest(name, names.iter().map(String::as_str));
        TargetError::NoResource {
            name: name.to_owned(),
            file: file.display().to_string(),
            hint: match hint {
                Some(known) => format!("did you mean `@{known}`?"),
                None => {
                    format!("it has {}", listed(names.iter().map(String::as_str)))
                }
            },
        }
    })
}

/// What is wrong with a target. Reads on after "failed to", except the error of a configuration, which is a message of its own.
#[derive(Debug)]
pub enum TargetError {
    Missing,
    Unknown { target: String },
    NotHttp { flag: &'static str, target: String },
    ServerPerItem { target: String },
    NoPath { name: String, path: String },
    NoFile { name: String, file: String },
    NoResource { name: String, file: String, hint: String },
    Shell { name: String },
    Request(String),
    Config(mesero_config::ConfigError),
}

impl From<mesero_config::ConfigError> for TargetError {
    fn from(error: mesero_config::ConfigError) -> Self {
        Self::Config(error)
    }
}

impl std::fmt::Display for TargetError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const FORMS: &str = "a URL such as http://localhost:8000/square?num=3, `python:MODULE:FUNCTION`, \
                             `@NAME` of a resource in mesero.toml, `stub:`, or a command after `--`";
        match self {
            Self::Missing => write!(f, "call anything: no target is named; give {FORMS}"),
            Self::Unknown { target } if looks_like_a_url(target) => {
                write!(f, "understand the target `{target}`: is it `http://{target}`?")
            }
            Self::Unknown { target } => {
                write!(
                    f,
                    "understand the target `{target}`: wanted {FORMS}; the items stand after it"
                )
            }
            Self::NotHttp { flag, target } => write!(
                f,
                "use `{flag}`: it is about HTTP requests, and `{target}` is called without one"
            ),
            Self::ServerPerItem { target } => write!(
                f,
                "use `--wait-for-target`: in `{target}` every item names its server, and one that is away says \
                 nothing of the others; use `--retry`"
            ),
            Self::NoPath { name, path } => write!(
                f,
                "understand the target `@{name}{path}`: only an `http` or `wsgi` resource has paths"
            ),
            Self::NoFile { name, file } => write!(
                f,
                "find a resource `{name}`: there is no file `{file}`; name its configuration by `--config FILE`"
            ),
            Self::NoResource { name, file, hint } => {
                write!(f, "find a resource `{name}` in `{file}`: {hint}")
            }
            Self::Shell { name } => write!(
                f,
                "call `@{name}` for items: it is a shell script, whose arguments no item can be matched to; \
                 write it as a command with places such as {{}}"
            ),
            Self::Request(why) => write!(f, "{why}"),
            Self::Config(error) => error.fmt(f),
        }
    }
}
