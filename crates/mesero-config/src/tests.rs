//! Whole configurations: what is accepted, what it means, and how each mistake is answered.

mod files;
mod flags;
mod kinds;
mod meaning;
mod mutation;
mod reference;

use std::path::Path;

use crate::Config;
use crate::check::SourceFile;
use crate::error::ConfigProblem;

/// A configuration of one file with this text.
fn parse(text: &str, folder: &Path) -> Result<Config, Vec<ConfigProblem>> {
    Config::parse(vec![SourceFile { text, folder }])
}
