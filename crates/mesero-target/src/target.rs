//! A target, and the requests that it makes of items.

use std::sync::Arc;

use bytes::Bytes;
use mesero::Call;
use mesero_config::template::{Part, Template, WHOLE};
use mesero_config::{CommandLineTarget, Program, ReplyForm, ResourceKind, ResourceSettings};
use mesero_http::payload::Payload;
use mesero_resources::{Request, RequestContext};
use siphasher::sip128::SipHasher13;

use crate::args::TargetOptions;
use crate::arguments::TextParsing;
use crate::config_file;
use crate::error::TargetError;
use crate::fields::{field_names, missing_field};
use crate::item::ItemInput;
use crate::request::{LOCAL_PEER, RequestTemplate};

/// A target: what is called for each item.
#[derive(Debug)]
pub struct Target {
    /// The parts that determine answers; ids of items depend on them.
    pub identity: String,
    /// A hash of the settings that influence answers and are not part of the target's name.
    pub config: String,
    /// The target as messages show it.
    shown: Template,
    template: CallTemplate,
    /// The context of calls that are not HTTP requests.
    empty_context: Arc<RequestContext>,
    /// The name of the whole item in lists of jobs.
    whole: Arc<str>,
}

/// The way in which a call is made of an item.
#[derive(Debug)]
enum CallTemplate {
    /// The item is the arguments of a function.
    Arguments(TextParsing),
    /// The item fills the placeholders of an HTTP request.
    Request(Box<RequestTemplate>),
    /// The item fills the placeholders of a command, with these names.
    Command(Vec<Arc<str>>),
    /// Every item makes the same call.
    Constant,
}

impl Target {
    /// Parses the target of a command line, and the settings of the resource that it calls.
    ///
    /// # Errors
    /// If there is none, or it is invalid.
    pub fn read(options: &TargetOptions<'_>) -> Result<(Self, ResourceSettings), TargetError> {
        let (template, resource, shown) = match (options.command.split_first(), options.name) {
            (Some((program, arguments)), _) => {
                let mut templates: Vec<_> =
                    arguments.iter().map(|text| Template::parse_loosely(text)).collect();
                // As xargs does: without a placeholder, the item is the last argument. A command that is only repeated
                // stays unchanged.
                let mut shown =
                    std::iter::once(program).chain(arguments).cloned().collect::<Vec<_>>();
                let has_placeholder =
                    templates.iter().any(|template| template.names().next().is_some());
                if !has_placeholder && !options.is_repetition {
                    templates.push(Template::whole());
                    shown.push(WHOLE.to_owned());
                }
                let template = CallTemplate::Command(field_names(templates.iter()));
                let named =
                    CommandLineTarget::Command { program: program.clone(), arguments: templates };
                let resource = ResourceSettings::from_command_line(named, &options.policy)?;
                (template, resource, shown.join(" "))
            }
            (None, None) => return Err(TargetError::Missing),
            (None, Some(target)) => {
                let (template, resource) = Self::parse_name(target, options)?;
                (template, resource, target.to_owned())
            }
        };
        if !matches!(template, CallTemplate::Request(_))
            && let Some(flag) = options.request.first_flag()
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
        let config = match options.name {
            Some(target) if target.starts_with('@') => format!("{:?}", resource.kind),
            _ => options.target.environment_identity(),
        };
        let config = format!("{:032x}", SipHasher13::new().hash(config.as_bytes()).as_u128());
        Ok((Self { identity, config, shown, template, empty_context, whole }, resource))
    }

    fn parse_name(
        target: &str,
        options: &TargetOptions<'_>,
    ) -> Result<(CallTemplate, ResourceSettings), TargetError> {
        let flags = &options.policy;
        let request = |path: &str| {
            RequestTemplate::read(path, &options.request).map_err(TargetError::Request)
        };
        if let Some(function) = target.strip_prefix("python:") {
            let named = CommandLineTarget::Python {
                function: function.to_owned(),
                workers: options.target.workers(),
            };
            return Ok((
                CallTemplate::Arguments(options.target.text_parsing()),
                ResourceSettings::from_command_line(named, flags)?,
            ));
        }
        if let Some((server, path)) = split_server_template(target) {
            let requests = RequestTemplate::read_with_server(server, path, &options.request);
            let requests = requests.map_err(TargetError::Request)?;
            let resource = ResourceSettings::from_command_line(CommandLineTarget::AnyHttp, flags)?;
            return Ok((CallTemplate::Request(Box::new(requests)), resource));
        }
        if let Some((scheme, rest)) = target.split_once("://") {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let (server, path) = rest.split_at(end);
            let requests = request(path)?;
            let resource = ResourceSettings::from_command_line(
                CommandLineTarget::Http(format!("{scheme}://{server}")),
                flags,
            )?;
            return Ok((CallTemplate::Request(Box::new(requests)), resource));
        }
        if let Some(named) = target.strip_prefix('@') {
            let (name, path) = named.split_at(named.find(['/', '?']).unwrap_or(named.len()));
            let resource =
                config_file::resource(name, &options.target.config)?.with_flags(flags)?;
            let template = match &resource.kind {
                ResourceKind::Http(_) | ResourceKind::Wsgi(_) => {
                    CallTemplate::Request(Box::new(request(path)?))
                }
                _ if !path.is_empty() => {
                    return Err(TargetError::NoPath {
                        name: name.to_owned(),
                        path: path.to_owned(),
                    });
                }
                ResourceKind::Python { .. } => {
                    CallTemplate::Arguments(options.target.text_parsing())
                }
                ResourceKind::Command(command) => CallTemplate::Command(match &command.program {
                    Program::Direct { arguments, .. } => field_names(arguments.iter()),
                    Program::Shell { .. } => {
                        return Err(TargetError::Shell { name: name.to_owned() });
                    }
                }),
                ResourceKind::Stub(_) => CallTemplate::Constant,
            };
            return Ok((template, resource));
        }
        if target == "stub:" {
            return Ok((
                CallTemplate::Constant,
                ResourceSettings::from_command_line(CommandLineTarget::Stub, flags)?,
            ));
        }
        Err(TargetError::Unknown { target: target.to_owned() })
    }

    /// The names of the fields that every item needs; [`WHOLE`] among them if the whole item is used.
    pub fn names(&self) -> Vec<String> {
        match &self.template {
            CallTemplate::Request(requests) => requests.names(),
            CallTemplate::Command(names) => names.iter().map(ToString::to_string).collect(),
            CallTemplate::Arguments(_) | CallTemplate::Constant => Vec::new(),
        }
    }

    /// The request for an item.
    ///
    /// # Errors
    /// If none can be made of it.
    pub fn request(&self, input: &ItemInput) -> Result<Request, String> {
        let request_with = |arguments: Bytes| Request {
            context: Arc::clone(&self.empty_context),
            arguments,
            body: Payload::Whole(Bytes::new()),
            form: ReplyForm::Json,
        };
        match &self.template {
            CallTemplate::Arguments(text_parsing) => {
                Ok(request_with(text_parsing.arguments(input).into()))
            }
            CallTemplate::Request(requests) => requests.request(input),
            CallTemplate::Command(names) => {
                let missing = names.iter().find(|name| input.text(name).is_none());
                let request =
                    Request { form: ReplyForm::Text, ..request_with(Bytes::from_static(b"{}")) };
                missing.map_or(Ok(request), |name| Err(missing_field(name)))
            }
            CallTemplate::Constant => Ok(request_with(Bytes::from_static(b"{}"))),
        }
    }

    /// Returns true if each attempt starts a process.
    pub fn is_command(&self) -> bool {
        matches!(self.template, CallTemplate::Command(_))
    }

    /// Returns true if each item names its server.
    pub fn has_server_per_item(&self) -> bool {
        matches!(&self.template, CallTemplate::Request(requests) if requests.has_server_per_item())
    }

    /// The call for an item, as lists of jobs show it.
    pub fn call(&self, input: &ItemInput, key: Option<&str>) -> Call {
        let call = key.map_or_else(Call::unkeyed, Call::new);
        let text = |name: &str| input.text(name).unwrap_or_default().into_owned();
        match &self.template {
            CallTemplate::Command(names) => {
                names.iter().fold(call, |call, name| call.argument(Arc::clone(name), text(name)))
            }
            _ => call.argument(Arc::clone(&self.whole), text(WHOLE)),
        }
    }

    /// The target for an item, as messages show it.
    pub fn shown(&self, input: &ItemInput) -> String {
        let mut shown = String::new();
        for part in self.shown.pieces() {
            match part {
                Part::Text(text) => shown.push_str(text),
                Part::Name(name) => {
                    shown.push_str(&input.text(name).unwrap_or_default());
                }
            }
        }
        shown
    }
}

/// Splits a URL with placeholders in scheme, host or port before its path, or a URL that begins with a placeholder
/// after that.
fn split_server_template(target: &str) -> Option<(&str, &str)> {
    if target.starts_with('{') {
        let end = target.find('}')? + 1;
        let (placeholder, rest) = target.split_at(end);
        // The placeholder is the whole URL, or the part before a path or a query.
        if rest.is_empty() || rest.starts_with(['/', '?']) {
            return Some((placeholder, rest));
        }
    }
    let (scheme, rest) = target.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (server, path) = target.split_at(scheme.len() + "://".len() + end);
    server.contains('{').then_some((server, path))
}
