//! Named targets of the command line.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::Arc;

use http::Uri;
use mesero_process::spawner::Spawner;
use mesero_services::assemble::AssembleError;
use mesero_terminal::command_error::CommandError;

use crate::args::BenchArgs;
use crate::baseline::terms::TargetAccess;
use crate::client::endpoint::Endpoint;
use crate::client::error::EndpointError;
use crate::plan::Protocol;
use crate::target::BenchTarget;
use crate::target::in_process::{InProcessError, InProcessSpec, InProcessTarget};

/// A target with its name.
#[derive(Debug)]
pub(crate) struct NamedTarget {
    /// Unique.
    pub(crate) name: String,
    /// As typed, without the name.
    pub(crate) url: String,
    pub(crate) target: BenchTarget,
    /// For a URL that is launched for each trial: the URL and its command line.
    pub(crate) start: Option<(Arc<Endpoint>, String)>,
}

/// A target that was read and not started.
#[derive(Debug)]
enum ParsedTarget {
    Url(Arc<Endpoint>),
    InProcess(Box<InProcessSpec>),
}

impl NamedTarget {
    /// Reads targets, each `TARGET` or `NAME=TARGET`, and starts those that are no URLs. Unnamed targets use their URL
    /// as name.
    ///
    /// Dropped, it stops what it has started.
    ///
    /// # Errors
    /// If a target is invalid or cannot be started, or two have the same name.
    pub(crate) async fn all(args: &BenchArgs) -> Result<Vec<NamedTarget>, TargetSetupError> {
        let mut names = BTreeSet::new();
        let mut entries = Vec::new();
        for text in &args.targets {
            let (given, target) = name_and_url(text);
            let entry = if target.contains("://") {
                Endpoint::new(target, &args.request())
                    .map(|target| ParsedTarget::Url(Arc::new(target)))
                    .map_err(TargetSetupError::Endpoint)?
            } else if args.protocol() == Protocol::Http1 {
                InProcessTarget::read(&args.target_options(Some(target)), &args.items)
                    .map(|unstarted| ParsedTarget::InProcess(Box::new(unstarted)))
                    .map_err(TargetSetupError::InProcess)?
            } else {
                return Err(TargetSetupError::NotSpokenWith(target.to_owned()));
            };
            let name = match given {
                Some(name) if names.contains(name) => {
                    return Err(TargetSetupError::SameName(name.to_owned()));
                }
                Some(name) => name.to_owned(),
                None => another(target, &names),
            };
            names.insert(name.clone());
            entries.push((name, target.to_owned(), entry));
        }
        if !args.command.is_empty() {
            if args.protocol() != Protocol::Http1 {
                return Err(TargetSetupError::NotSpokenWith(args.command.join(" ")));
            }
            let entry = InProcessTarget::read(&args.target_options(None), &args.items);
            let entry = entry.map(|unstarted| ParsedTarget::InProcess(Box::new(unstarted)));
            let entry = entry.map_err(TargetSetupError::InProcess)?;
            let command = args.command.join(" ");
            entries.push((another(&command, &names), command, entry));
        }
        let lines = args.launch.start_commands.clone();
        if !lines.is_empty() && lines.len() != entries.len() {
            return Err(TargetSetupError::Starts { lines: lines.len(), targets: entries.len() });
        }
        let mut targets = start(entries).await?;
        for (named_target, line) in targets.iter_mut().zip(lines) {
            if !line.trim().is_empty() {
                named_target.is_started_by(line)?;
            }
        }
        Ok(targets)
    }

    fn is_started_by(&mut self, line: String) -> Result<(), TargetSetupError> {
        let BenchTarget::Url(target) = &self.target else {
            return Err(TargetSetupError::NoUrl(self.name.clone()));
        };
        self.start = Some((Arc::clone(target), line));
        Ok(())
    }

    /// How the target is reached, for baselines.
    pub(crate) fn access(&self) -> TargetAccess {
        let uri = match &self.target {
            BenchTarget::Url(_) => {
                self.url.split('#').next().and_then(|url| url.parse::<Uri>().ok())
            }
            BenchTarget::InProcess(_) => None,
        };
        let path = |uri: &Uri| uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        TargetAccess {
            scheme: uri.as_ref().and_then(Uri::scheme_str).map(str::to_owned),
            path: uri.as_ref().map(path),
            started: self.start.is_some(),
        }
    }

    /// Stops a target that is no URL, and waits until its processes have exited.
    pub(crate) async fn stop(&self) {
        if let BenchTarget::InProcess(in_process) = &self.target {
            in_process.stop().await;
        }
    }
}

async fn start(
    entries: Vec<(String, String, ParsedTarget)>,
) -> Result<Vec<NamedTarget>, TargetSetupError> {
    let mut spawner = None;
    let mut targets = Vec::with_capacity(entries.len());
    for (name, url, entry) in entries {
        let target = match entry {
            ParsedTarget::Url(target) => BenchTarget::Url(target),
            ParsedTarget::InProcess(unstarted) => {
                let spawner = match &spawner {
                    Some(spawner) => spawner,
                    None => spawner.insert(Spawner::start().map_err(TargetSetupError::Io)?),
                };
                // Targets that were started before exit with this process.
                let in_process = unstarted.start(spawner).await.map_err(TargetSetupError::Start)?;
                BenchTarget::InProcess(in_process)
            }
        };
        targets.push(NamedTarget { name, url, target, start: None });
    }
    Ok(targets)
}

/// The part before the first `=` is a name, unless it is part of a URL.
fn name_and_url(text: &str) -> (Option<&str>, &str) {
    match text.split_once('=') {
        Some((name, url)) if !name.is_empty() && !name.contains([':', '/', '?']) => {
            (Some(name), url)
        }
        _ => (None, text),
    }
}

/// A unique name: the same URL twice is two targets, which should have the same results.
fn another(url: &str, names: &BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{url} ({number})"));
    let mut candidates = std::iter::once(url.to_owned()).chain(numbered);
    candidates.find(|name| !names.contains(name)).unwrap_or_else(|| url.to_owned())
}

impl From<TargetSetupError> for CommandError {
    fn from(error: TargetSetupError) -> Self {
        match error {
            // The message of a configuration is complete.
            TargetSetupError::InProcess(InProcessError::Target(
                mesero_target::TargetError::Config(error),
            )) => error.into(),
            error => CommandError::failed_to(error),
        }
    }
}

/// Targets that cannot be used. Continues "failed to".
#[derive(Debug)]
pub enum TargetSetupError {
    Endpoint(EndpointError),
    InProcess(InProcessError),
    Start(AssembleError),
    SameName(String),
    Starts {
        lines: usize,
        targets: usize,
    },
    NoUrl(String),
    /// HTTP/2 for a target that is no URL.
    NotSpokenWith(String),
    Io(io::Error),
}

impl fmt::Display for TargetSetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TargetSetupError::Endpoint(error) => error.fmt(f),
            TargetSetupError::InProcess(error) => error.fmt(f),
            TargetSetupError::Start(error) => error.fmt(f),
            TargetSetupError::Io(error) => write!(f, "start processes: {error}"),
            TargetSetupError::Starts { lines, targets } => write!(
                f,
                "start {targets} targets with {lines} --start; give one for each target, and '' for a target that is \
                 already running"
            ),
            TargetSetupError::NoUrl(name) => write!(
                f,
                "start `{name}` with --start: it is for URLs; mesero starts other targets itself"
            ),
            TargetSetupError::NotSpokenWith(target) => write!(
                f,
                "use HTTP/2 for `{target}`: --http2 is for URLs, and all targets are requested alike"
            ),
            TargetSetupError::SameName(name) => {
                write!(f, "distinguish two targets with the name `{name}`; give each its own name")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, FromArgMatches};

    use super::*;

    async fn named(texts: &[&str]) -> Result<Vec<(String, String)>, String> {
        let command = BenchArgs::augment_args(Command::new("bench").no_binary_name(true));
        let matches = command.try_get_matches_from(texts).unwrap();
        let targets = NamedTarget::all(&BenchArgs::from_arg_matches(&matches).unwrap()).await;
        let pair = |named_target: NamedTarget| (named_target.name, named_target.url);
        targets.map(|all| all.into_iter().map(pair).collect()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_target_has_the_name_before_its_first_equals_sign_or_is_called_by_its_url() {
        let plain = "http://host/path?a=b";
        let pairs = named(&[plain, "old=http://host/?a=b", plain]).await.unwrap();
        let pair = |name: &str, url: &str| (name.to_owned(), url.to_owned());
        let again = pair("http://host/path?a=b (2)", plain);
        assert_eq!(pairs, [pair(plain, plain), pair("old", "http://host/?a=b"), again]);
    }

    #[tokio::test]
    async fn a_name_is_given_once() {
        let error = named(&["a=http://host/1", "a=http://host/2"]).await.unwrap_err();
        assert!(error.contains("with the name `a`"), "{error}");
    }
}
