//! Resources of a configuration file, by name.

use std::path::Path;

use mesero_config::{Config, ResourceSettings};
use mesero_terminal::nearest::{listed, nearest};

use crate::error::TargetError;

/// The settings of a resource in a configuration file.
///
/// # Errors
/// If the file is missing or invalid, or has no such resource.
pub(super) fn resource(name: &str, file: &Path) -> Result<ResourceSettings, TargetError> {
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
