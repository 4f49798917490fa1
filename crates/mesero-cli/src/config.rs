//! The configuration: from a TOML file, or from a few flags, to values that can be used without a second look.
//!
//! Two steps. `raw` and `elements` say what was typed; the files named after a section say what it means: every
//! default is filled in, every path is absolute, and what contradicts itself has been refused.

mod check;
mod command;
mod elements;
mod error;
mod flags;
mod kind;
mod nearest;
mod policy;
mod proxy;
mod python;
mod raw;
mod read;
mod resource;
mod route;
mod secret;
mod server;
mod stub;
mod wsgi;

#[cfg(test)]
mod tests;

use std::path::Path;

use check::Check;
pub(crate) use command::{Command, Output, Program};
pub(crate) use elements::address::Address;
pub(crate) use elements::argument::{ArgumentKind, ArgumentSource};
pub(crate) use elements::delay::Delay;
pub(crate) use elements::word::{OnDisconnect, Reply};
pub(crate) use error::ConfigError;
pub(crate) use flags::FlagsInput;
pub(crate) use policy::Policy;
pub(crate) use proxy::Proxy;
pub(crate) use python::Python;
pub(crate) use resource::{Kind, Resource};
pub(crate) use route::{Action, Argument, Pass, Route};
pub(crate) use secret::Secret;
pub(crate) use server::Server;
pub(crate) use stub::Stub;

/// Every key, its default and what it means; the reference, as a configuration file that can be used.
pub(crate) const REFERENCE: &str = include_str!("config/default.toml");

/// All that a configuration says, checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    pub(crate) server: Server,
    /// At least one, in the order in which they were written.
    pub(crate) resources: Vec<Resource>,
    /// In the order in which they were written; may be empty, since not every command serves.
    pub(crate) routes: Vec<Route>,
}

impl Config {
    /// Reads and checks the file at `path`; reports the mistakes all at once, as far as each can be told.
    ///
    /// Mistakes of syntax come first, then unknown keys and wrong values, then what contradicts itself.
    /// Relative paths inside the file start at the file's folder. Touches the file system (the file, the token
    /// file, folders that are named) and nothing else.
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read::text(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder)
            .map_err(|problems| ConfigError::in_text(path.display().to_string(), text, problems))
    }

    /// Builds the configuration of one Python resource from flags; relative paths start at the current folder.
    pub(crate) fn from_flags(input: &FlagsInput) -> Result<Self, ConfigError> {
        flags::config(input)
    }

    fn parse(text: &str, folder: &Path) -> Result<Self, Vec<error::Problem>> {
        Self::check(read::document(text)?, Check::new(text, folder))
    }

    /// The second step: from what was typed to what it means.
    fn check(document: raw::Document, mut check: Check<'_>) -> Result<Self, Vec<error::Problem>> {
        let server = Server::check(document.server, &mut check);
        let resources = resource::check_all(document.resource, &mut check);
        let routes = route::check_all(document.route, &resources, &mut check);
        check.finish()?;
        let resources = resources.into_iter().filter_map(|named| named.resource).collect();
        Ok(Self { server, resources, routes })
    }
}
