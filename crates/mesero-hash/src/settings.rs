//! What the flags mean: a recipe for hashes, checked.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroize;

use crate::argon2::calibrate;
use crate::argon2::cost::Cost;
use crate::argon2::hasher::{HashError, HashRecipe, Pepper};
use crate::args::CostArgs;
use crate::secret::SecretBytes;

/// The recipe that the flags ask for; with `--calibrate` it takes about two seconds to find out.
///
/// # Errors
/// What cannot be used.
pub(crate) async fn recipe(args: &CostArgs) -> Result<Arc<HashRecipe>, SettingsError> {
    let usage = |flag: &str, why: String| SettingsError::Usage(format!("take {flag}: {why}"));
    let cost = match (&args.argon2, args.preset, &args.calibrate) {
        (Some(text), ..) => {
            text.parse().map_err(|why| usage(&format!("`--argon2 {text}`"), why))?
        }
        (None, Some(preset), _) => Cost::of(preset),
        (None, None, Some(text)) => {
            let flag = format!("`--calibrate {text}`");
            let wanted = humantime::parse_duration(text)
                .map_err(|_| usage(&flag, "wanted a duration such as 250ms".to_owned()))?;
            // A login that takes longer is refused by its users; a shorter one is no time for a hash.
            if !(Duration::from_millis(1)..=Duration::from_secs(60)).contains(&wanted) {
                return Err(usage(&flag, "it must be from 1ms to 60s".to_owned()));
            }
            calibrate::calibrate_cost(wanted).await.map_err(SettingsError::Hash)?
        }
        (None, None, None) => Cost::default(),
    };
    if cost.is_weak() && !args.allow_weak {
        return Err(SettingsError::Usage(format!(
            "hash with {cost}: that is below what OWASP asks for ({}, or as good); add `--allow-weak` if it is meant",
            Cost::default()
        )));
    }
    let pepper = match (&args.pepper_file, &args.pepper_id) {
        (Some(path), Some(id)) => Some(pepper(path, id)?),
        _ => None,
    };
    Ok(Arc::new(HashRecipe { cost, pepper }))
}

fn pepper(path: &Path, id: &str) -> Result<Pepper, SettingsError> {
    if id.is_empty() || id.len() > 8 {
        return Err(SettingsError::Usage(format!(
            "take `--pepper-id {id}`: it must have one to eight bytes, and has {}",
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
            "read the pepper in `{shown}`: it ends with a line break, which would be part of it; \
             write it without one (printf %s)"
        )));
    }
    Ok(Pepper { id: id.as_bytes().to_vec(), bytes: SecretBytes::new(bytes) })
}

/// Why there is no recipe.
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
