//! The configuration: from a TOML file, or from a few flags, to values that can be used without a second look.
//!
//! Two steps. `raw` and `elements` say what was typed; the files named after a section say what it means: every
//! default is filled in, every path is absolute, and what contradicts itself has been refused.

#![forbid(unsafe_code)]

mod check;
mod elements;
mod error;
mod file;
mod flags;
mod front;
mod resource;
mod schema;
mod server;
pub mod template;

#[cfg(test)]
mod tests;

use std::path::Path;

use check::{Check, File};
pub use elements::address::Address;
pub use elements::argument::{ArgumentKind, ArgumentSource};
pub use elements::cache::CacheSettings;
pub use elements::delay::Delay;
pub use elements::negative::{Failing, Negative};
pub use elements::secret::Secret;
pub use elements::target::Target;
pub use elements::upstream::Upstream;
pub use elements::word::{Http2, ReplyForm};
pub use error::ConfigError;
pub use flags::FlagsInput;
pub use flags::target::{Named, WorkerFlags};
pub use front::Front;
pub use front::route::{Action, Argument, Pass, Route};
pub use resource::command::{CommandSettings, Delivery, Program};
pub use resource::http::{Behalf, ProxySettings, TlsSettings};
pub use resource::policy::{PolicyFlags, PolicySettings};
pub use resource::python::PythonSettings;
pub use resource::recycling::Recycling;
pub use resource::stub::StubSettings;
pub use resource::wsgi::WsgiSettings;
pub use resource::{Kind, ResourceSettings};
pub use server::Server;

/// Every key, its default and what it means; the reference, as a configuration file that can be used.
pub const REFERENCE: &str = include_str!("default.toml");

/// All that a configuration says, checked: one file, or several that are one configuration together.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub server: Server,
    /// At least one, in the order in which they were written; their names differ.
    pub resources: Vec<ResourceSettings>,
    /// At least one, in the order of the files; no two of them have an address in common.
    pub fronts: Vec<Front>,
}

impl Config {
    /// Reads and checks the files at `paths` as one configuration; reports the mistakes all at once, as far as each
    /// can be told.
    ///
    /// Mistakes of syntax come first, then unknown keys and wrong values, then what contradicts itself.
    /// Relative paths inside a file start at that file's folder. Touches the file system (the files, the token
    /// file, folders that are named) and nothing else.
    pub fn load<P: AsRef<Path>>(paths: &[P]) -> Result<Self, ConfigError> {
        let sources = file::read::sources(paths)?;
        let folder = |path: &P| path.as_ref().parent().unwrap_or(Path::new("")).to_owned();
        let folders: Vec<_> = paths.iter().map(folder).collect();
        let files = sources.iter().zip(&folders);
        let files = files.map(|(source, folder)| File { text: &source.text, folder }).collect();
        Self::parse(files).map_err(|problems| ConfigError::in_texts(sources, problems))
    }

    /// Returns what a file may say, as a JSON Schema.
    pub fn schema() -> serde_json::Value {
        schema::document()
    }

    /// Builds the configuration of one Python resource from flags; relative paths start at the current folder.
    pub fn from_flags(input: &FlagsInput) -> Result<Self, ConfigError> {
        flags::config(input)
    }

    fn parse(files: Vec<File<'_>>) -> Result<Self, Vec<error::Problem>> {
        Self::check(file::read::documents(&files)?, Check::new(files))
    }

    /// The second step: from what was typed, a document for each file, to what it means.
    fn check(
        documents: Vec<file::raw::Document>,
        mut check: Check<'_>,
    ) -> Result<Self, Vec<error::Problem>> {
        let (mut servers, mut resources, mut routes) = (Vec::new(), Vec::new(), Vec::new());
        for (file, document) in documents.into_iter().enumerate() {
            let file::raw::Document { server, resource, route } = document;
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
