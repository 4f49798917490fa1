//! Whole configurations: what is accepted, what it means, and how each mistake is answered.

mod files;
mod flags;
mod kinds;
mod meaning;
mod mutation;
mod reference;

use std::path::Path;

use crate::Config;
use crate::check::File;
use crate::error::Problem;

/// A configuration of one file with this text.
fn parse(text: &str, folder: &Path) -> Result<Config, Vec<Problem>> {
    Config::parse(vec![File { text, folder }])
}
