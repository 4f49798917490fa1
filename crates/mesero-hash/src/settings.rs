//! The recipe for hashes, from the flags.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mesero_terminal::units::parse_duration;
use zeroize::Zeroize;

use crate::argon2::calibrate;
use crate::argon2::cost::Cost;
use crate::argon2::hasher::{HashError, HashRecipe, Pepper};
use crate::args::CostArgs;
use crate::secret::SecretBytes;

/// Builds the recipe that the flags select; `--calibrate` takes about two seconds to measure. If
/// dropped, a measuring thread ends by itself.
///
/// # Errors
/// If a flag cannot be used, or the measurement fails.
pub(crate) async fn build_recipe(args: &CostArgs) -> Result<Arc<HashRecipe>, SettingsError> {
    let usage = |flag: &str, why: String| SettingsError::Usage(format!("use {flag}: {why}"));
    let cost = match (&args.argon2, args.preset, &args.calibrate) {
        (Some(text), ..) => {
            text.parse().map_err(|why| usage(&format!("`--argon2 {text}`"), why))?
        }
        (None, Some(preset), _) => Cost::of(preset),
        (None, None, Some(text)) => {
            let flag = format!("`--calibrate {text}`");
            let duration = parse_duration(text)
                .ok_or_else(|| usage(&flag, "use a duration such as 250ms".to_owned()))?;
            // Users do not wait longer for a login, and a shorter hash would be weak.
            if !(Duration::from_millis(1)..=Duration::from_secs(60)).contains(&duration) {
                return Err(usage(&flag, "it must be from 1ms to 60s".to_owned()));
            }
            calibrate::calibrate_cost(duration).await.map_err(SettingsError::Hash)?
        }
        (None, None, None) => Cost::default(),
    };
    if cost.is_weak() && !args.allow_weak {
        return Err(SettingsError::Usage(format!(
            "hash with {cost}: that is weaker than OWASP's minimum ({}, or equivalent); add `--allow-weak` to use it anyway",
            Cost::default()
        )));
    }
    let pepper = match (&args.pepper_file, &args.pepper_id) {
        (Some(path), Some(id)) => Some(pepper(path, id)?),
        _ => None,
    };
    Ok(Arc::new(HashRecipe { cost, pepper }))
}

/// Reads the pepper from its file.
fn pepper(path: &Path, id: &str) -> Result<Pepper, SettingsError> {
    if id.is_empty() || id.len() > 8 {
        return Err(SettingsError::Usage(format!(
            "use `--pepper-id {id}`: it must have one to eight bytes, and has {}",
            id.len()
        )));
    }
    let shown = path.display();
    let mut bytes = std::fs::read(path)
        .map_err(|error| SettingsError::Usage(format!("read the pepper in `{shown}`: {error}")))?;
    if bytes.is_empty() {
        return Err(SettingsError::Usage(format!(
            "read the pepper in `{shown}`: the file is empty"
        )));
    }
    if bytes.ends_with(b"\n") {
        bytes.zeroize();
        return Err(SettingsError::Usage(format!(
            "read the pepper in `{shown}`: it ends with a line break, which would be a part of the pepper; \
             write the file without one (printf %s)"
        )));
    }
    Ok(Pepper { id: id.as_bytes().to_vec(), bytes: SecretBytes::new(bytes) })
}

/// The reason why there is no recipe.
#[derive(Debug)]
pub(crate) enum SettingsError {
    Usage(String),
    Hash(HashError),
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingsError::Usage(why) => f.write_str(why),
            SettingsError::Hash(error) => error.fmt(f),
        }
    }
}
