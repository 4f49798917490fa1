//! The configuration: from a TOML file, or from a few flags, to values that can be used without a second look.
//!
//! Two steps. `raw` and `elements` say what was typed; the files named after a section say what it means: every
//! default is filled in, every path is absolute, and what contradicts itself has been refused.

mod adhoc;
mod check;
mod command;
mod elements;
mod error;
mod flags;
mod front;
mod kind;
mod merge;
pub(crate) mod nearest;
mod policy;
mod proxy;
mod python;
mod raw;
mod read;
mod recycling;
mod resource;
mod route;
mod schema;
mod secret;
mod server;
mod stub;
mod wsgi;

#[cfg(test)]
mod tests;

use std::path::Path;

pub(crate) use adhoc::{Named, WorkerFlags};
use check::{Check, File};
pub(crate) use command::{Command, Output, Program};
pub(crate) use elements::address::Address;
pub(crate) use elements::argument::{ArgumentKind, ArgumentSource};
pub(crate) use elements::cache::Cache;
pub(crate) use elements::delay::Delay;
pub(crate) use elements::negative::{Failing, Negative};
pub(crate) use elements::word::{Http2, OnDisconnect, Reply};
pub(crate) use error::ConfigError;
pub(crate) use flags::FlagsInput;
pub(crate) use front::Front;
#[cfg(feature = "hash")]
pub(crate) use nearest::listed;
pub(crate) use nearest::nearest;
pub(crate) use policy::{Policy, PolicyFlags};
pub(crate) use proxy::{Behalf, Proxy};
pub(crate) use python::Python;
pub(crate) use resource::{Kind, Resource};
pub(crate) use route::{Action, Argument, Pass, Route};
pub(crate) use secret::Secret;
pub(crate) use server::Server;
pub(crate) use stub::Stub;

/// Every key, its default and what it means; the reference, as a configuration file that can be used.
pub(crate) const REFERENCE: &str = include_str!("config/default.toml");

/// All that a configuration says, checked: one file, or several that are one configuration together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    pub(crate) server: Server,
    /// At least one, in the order in which they were written; their names differ.
    pub(crate) resources: Vec<Resource>,
    /// At least one, in the order of the files; no two of them have an address in common.
    pub(crate) fronts: Vec<Front>,
}

impl Config {
    /// Reads and checks the files at `paths` as one configuration; reports the mistakes all at once, as far as each
    /// can be told.
    ///
    /// Mistakes of syntax come first, then unknown keys and wrong values, then what contradicts itself.
    /// Relative paths inside a file start at that file's folder. Touches the file system (the files, the token
    /// file, folders that are named) and nothing else.
    pub(crate) fn load<P: AsRef<Path>>(paths: &[P]) -> Result<Self, ConfigError> {
        let sources = read::sources(paths)?;
        let folder = |path: &P| path.as_ref().parent().unwrap_or(Path::new("")).to_owned();
        let folders: Vec<_> = paths.iter().map(folder).collect();
        let files = sources.iter().zip(&folders);
        let files = files.map(|(source, folder)| File { text: &source.text, folder }).collect();
        Self::parse(files).map_err(|problems| ConfigError::in_texts(sources, problems))
    }

    /// Returns what a file may say, as a JSON Schema.
    pub(crate) fn schema() -> serde_json::Value {
        schema::document()
    }

    /// Builds the configuration of one Python resource from flags; relative paths start at the current folder.
    pub(crate) fn from_flags(input: &FlagsInput) -> Result<Self, ConfigError> {
        flags::config(input)
    }

    fn parse(files: Vec<File<'_>>) -> Result<Self, Vec<error::Problem>> {
        Self::check(read::documents(&files)?, Check::new(files))
    }

    /// The second step: from what was typed, a document for each file, to what it means.
    fn check(
        documents: Vec<raw::Document>,
        mut check: Check<'_>,
    ) -> Result<Self, Vec<error::Problem>> {
        let (mut servers, mut resources, mut routes) = (Vec::new(), Vec::new(), Vec::new());
        for (file, document) in documents.into_iter().enumerate() {
            let raw::Document { server, resource, route } = document;
            servers.push((file, server));
            resources.push(resource);
            routes.push(route);
        }
        let server = Server::check(&mut servers, &mut check);
        let resources = resource::check_all(resources, &mut check);
        let fronts = front::check_all((servers, routes), &resources, &mut check);
        check.finish()?;
        let resources = resources.into_iter().filter_map(|named| named.resource).collect();
        Ok(Self { server, resources, fronts })
    }
}
