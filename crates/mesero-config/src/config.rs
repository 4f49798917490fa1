//! All that a configuration says: read, then checked.

use std::path::Path;

use crate::check::{Check, SourceFile};
use crate::error::{ConfigError, ConfigProblem};
use crate::file::{raw, read};
use crate::front::{self, Front, FrontTables};
use crate::resource::{self, ResourceSettings};
use crate::server::Server;

/// A checked configuration: one file, or several that are one configuration together.
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
    /// can be found.
    ///
    /// Mistakes of syntax come first, then unknown keys and wrong values, then what contradicts itself.
    /// Relative paths inside a file start at that file's folder. Touches the file system (the files, the token
    /// file, folders that are named) and nothing else.
    pub fn load<P: AsRef<Path>>(paths: &[P]) -> Result<Self, ConfigError> {
        let sources = read::sources(paths)?;
        let folder = |path: &P| path.as_ref().parent().unwrap_or(Path::new("")).to_owned();
        let folders: Vec<_> = paths.iter().map(folder).collect();
        let files = sources.iter().zip(&folders);
        let files =
            files.map(|(source, folder)| SourceFile { text: &source.text, folder }).collect();
        Self::parse(files).map_err(|problems| ConfigError::in_texts(sources, problems))
    }

    pub(crate) fn parse(files: Vec<SourceFile<'_>>) -> Result<Self, Vec<ConfigProblem>> {
        Self::check(read::documents(&files)?, Check::new(files))
    }

    /// Checks a document of each file, which is what was typed.
    pub(crate) fn check(
        documents: Vec<raw::Document>,
        mut check: Check<'_>,
    ) -> Result<Self, Vec<ConfigProblem>> {
        let (mut servers, mut resources, mut routes) = (Vec::new(), Vec::new(), Vec::new());
        for (file, document) in documents.into_iter().enumerate() {
            let raw::Document { server, resource, route } = document;
            servers.push((file, server));
            resources.push(resource);
            routes.push(route);
        }
        let server = Server::check(&mut servers, &mut check);
        let resources = resource::check_all(resources, &mut check);
        let fronts = front::check_all(FrontTables { servers, routes }, &resources, &mut check);
        check.finish()?;
        let resources = resources.into_iter().filter_map(|named| named.resource).collect();
        Ok(Self { server, resources, fronts })
    }
}
