//! Who is measured, under which name.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::Arc;

use http::Uri;
use mesero_process::spawner::Spawner;
use mesero_services::assemble::AssembleError;
use mesero_target as called;
use mesero_terminal::command_error::CommandError;

use crate::args::BenchArgs;
use crate::baseline::terms::Way;
use crate::client::endpoint::Target;
use crate::client::error::TargetError;
use crate::plan::Protocol;
use crate::target::Subject;
use crate::target::in_process::{Called, CalledError, Unstarted};

/// Something that is measured, in the same rounds as others.
#[derive(Debug)]
pub(crate) struct Contestant {
    /// No other is called the same.
    pub(crate) name: String,
    /// As it was written, without its name.
    pub(crate) url: String,
    pub(crate) subject: Subject,
    /// What runs only for its turns: a URL, and the command line that starts it.
    pub(crate) start: Option<(Arc<Target>, String)>,
}

/// What was read of one that does not run yet.
#[derive(Debug)]
enum Entry {
    Url(Arc<Target>),
    Called(Box<Unstarted>),
}

impl Contestant {
    /// Reads targets, each a `TARGET` or a `NAME=TARGET`, and starts those that are to be called. Who has no name is
    /// called as he was written.
    ///
    /// # Errors
    /// Which of them cannot be measured, or cannot be told from another.
    pub(crate) async fn all(args: &BenchArgs) -> Result<Vec<Contestant>, ContestantError> {
        let mut names = BTreeSet::new();
        let mut entries = Vec::new();
        for text in &args.targets {
            let (given, target) = name_and_url(text);
            let entry = match target.contains("://") {
                true => Target::new(target, &args.request())
                    .map(|target| Entry::Url(Arc::new(target)))
                    .map_err(ContestantError::Target)?,
                false if args.protocol() != Protocol::Http1 => {
                    return Err(ContestantError::NotSpokenWith(target.to_owned()));
                }
                false => Called::read(&args.wanted(Some(target)), &args.items)
                    .map(|unstarted| Entry::Called(Box::new(unstarted)))
                    .map_err(ContestantError::Called)?,
            };
            let name = match given {
                Some(name) if names.contains(name) => {
                    return Err(ContestantError::SameName(name.to_owned()));
                }
                Some(name) => name.to_owned(),
                None => another(target, &names),
            };
            names.insert(name.clone());
            entries.push((name, target.to_owned(), entry));
        }
        if !args.command.is_empty() {
            if args.protocol() != Protocol::Http1 {
                return Err(ContestantError::NotSpokenWith(args.command.join(" ")));
            }
            let entry = Called::read(&args.wanted(None), &args.items);
            let entry = entry.map(|unstarted| Entry::Called(Box::new(unstarted)));
            let entry = entry.map_err(ContestantError::Called)?;
            let command = args.command.join(" ");
            entries.push((another(&command, &names), command, entry));
        }
        let lines = args.starts.start_commands.clone();
        if !lines.is_empty() && lines.len() != entries.len() {
            return Err(ContestantError::Starts { lines: lines.len(), targets: entries.len() });
        }
        let mut contestants = start(entries).await?;
        for (contestant, line) in contestants.iter_mut().zip(lines) {
            if !line.trim().is_empty() {
                contestant.is_started_by(line)?;
            }
        }
        Ok(contestants)
    }

    fn is_started_by(&mut self, line: String) -> Result<(), ContestantError> {
        let Subject::Url(target) = &self.subject else {
            return Err(ContestantError::NoUrl(self.name.clone()));
        };
        self.start = Some((Arc::clone(target), line));
        Ok(())
    }

    /// How it is asked.
    pub(crate) fn way(&self) -> Way {
        let uri = match &self.subject {
            Subject::Url(_) => self.url.split('#').next().and_then(|url| url.parse::<Uri>().ok()),
            Subject::Called(_) => None,
        };
        let path = |uri: &Uri| uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Way {
            scheme: uri.as_ref().and_then(Uri::scheme_str).map(str::to_owned),
            path: uri.as_ref().map(path),
            started: self.start.is_some(),
        }
    }

    /// Ends what was started for it.
    pub(crate) async fn stop(&self) {
        if let Subject::Called(called) = &self.subject {
            called.stop().await;
        }
    }
}

async fn start(entries: Vec<(String, String, Entry)>) -> Result<Vec<Contestant>, ContestantError> {
    let mut spawner = None;
    let mut contestants = Vec::with_capacity(entries.len());
    for (name, url, entry) in entries {
        let subject = match entry {
            Entry::Url(target) => Subject::Url(target),
            Entry::Called(unstarted) => {
                let spawner = match &spawner {
                    Some(spawner) => spawner,
                    None => spawner.insert(Spawner::start().map_err(ContestantError::Io)?),
                };
                // Those that were started before end with this process.
                let called = unstarted.start(spawner).await.map_err(ContestantError::Start)?;
                Subject::Called(called)
            }
        };
        contestants.push(Contestant { name, url, subject, start: None });
    }
    Ok(contestants)
}

/// What is before the first `=` is a name unless it is part of a URL.
fn name_and_url(text: &str) -> (Option<&str>, &str) {
    match text.split_once('=') {
        Some((name, url)) if !name.is_empty() && !name.contains([':', '/', '?']) => {
            (Some(name), url)
        }
        _ => (None, text),
    }
}

/// The same URL twice is two contestants, who should come to the same.
fn another(url: &str, names: &BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{url} ({number})"));
    let mut candidates = std::iter::once(url.to_owned()).chain(numbered);
    candidates.find(|name| !names.contains(name)).unwrap_or_else(|| url.to_owned())
}

impl From<ContestantError> for CommandError {
    fn from(error: ContestantError) -> Self {
        match error {
            // The message of a configuration is complete.
            ContestantError::Called(CalledError::Target(called::TargetError::Config(error))) => {
                error.into()
            }
            error => CommandError::failed_to(error),
        }
    }
}

/// Why there is nobody to measure. Reads on after "failed to".
#[derive(Debug)]
pub enum ContestantError {
    Target(TargetError),
    Called(CalledError),
    Start(AssembleError),
    SameName(String),
    Starts {
        lines: usize,
        targets: usize,
    },
    NoUrl(String),
    /// HTTP/2 is to be spoken with what is no URL.
    NotSpokenWith(String),
    Io(io::Error),
}

impl fmt::Display for ContestantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ContestantError::Target(error) => error.fmt(f),
            ContestantError::Called(error) => error.fmt(f),
            ContestantError::Start(error) => error.fmt(f),
            ContestantError::Io(error) => write!(f, "start processes: {error}"),
            ContestantError::Starts { lines, targets } => write!(
                f,
                "start {targets} targets with {lines} --start; give as many, and '' for one that runs \
                 already"
            ),
            ContestantError::NoUrl(name) => write!(
                f,
                "start `{name}` with --start: that is for URLs, and everything else is started by itself"
            ),
            ContestantError::NotSpokenWith(target) => write!(
                f,
                "speak HTTP/2 with `{target}`: --http2 is for URLs, and all targets of a contest are asked alike"
            ),
            ContestantError::SameName(name) => write!(
                f,
                "tell two targets apart that are both called `{name}`; give each a name of its own"
            ),
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
        let contestants = Contestant::all(&BenchArgs::from_arg_matches(&matches).unwrap()).await;
        let pair = |contestant: Contestant| (contestant.name, contestant.url);
        contestants
            .map(|all| all.into_iter().map(pair).collect())
            .map_err(|error| error.to_string())
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
        assert!(error.contains("both called `a`"), "{error}");
    }
}
