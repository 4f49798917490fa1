//! The first step: from a file to what was typed, with every mistake of form at once.

use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;
use toml::de::DeTable;

use crate::check::SourceFile;
use crate::error::{ConfigError, ConfigProblem, SourceText};
use crate::file::raw::Document;
use crate::file::rejected_entry::take_out;
use crate::file::serde_message;

/// The most problems of a file that are reported, and therefore how often a broken file is read again.
const MOST_PROBLEMS: usize = 20;

/// Reads the files at `paths` as UTF-8, each of which is there once.
pub(crate) fn sources<P: AsRef<Path>>(paths: &[P]) -> Result<Vec<SourceText>, ConfigError> {
    let mut known = Vec::new();
    let mut sources = Vec::with_capacity(paths.len());
    for path in paths {
        let (path, origin) = (path.as_ref(), path.as_ref().display().to_string());
        sources.push(SourceText { text: text(path)?, origin });
        if let Ok(place) = path.canonicalize() {
            if known.contains(&place) {
                let title = format!("the configuration `{}` is named twice", path.display());
                return Err(ConfigError::without_text(
                    ConfigProblem::new(title).help("name it once"),
                ));
            }
            known.push(place);
        }
    }
    Ok(sources)
}

/// Reads all `files` as far as their form goes; returns at most 20 mistakes of each, in the order of their places.
pub(crate) fn documents(files: &[SourceFile<'_>]) -> Result<Vec<Document>, Vec<ConfigProblem>> {
    let (mut documents, mut problems) = (Vec::with_capacity(files.len()), Vec::new());
    for (number, file) in files.iter().enumerate() {
        match document(file.text) {
            Ok(document) => documents.push(document),
            Err(found) => {
                problems.extend(found.into_iter().map(|problem| problem.in_file(number)));
            }
        }
    }
    if problems.is_empty() { Ok(documents) } else { Err(problems) }
}

fn text(path: &Path) -> Result<String, ConfigError> {
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|error| {
        let problem =
            ConfigProblem::new(format!("failed to read the configuration `{shown}`: {error}"));
        ConfigError::without_text(match error.kind() {
            ErrorKind::NotFound => problem.help("name a configuration file that exists"),
            ErrorKind::PermissionDenied => problem.help("allow this user to read the file"),
            ErrorKind::IsADirectory => problem.help("name the file inside this folder"),
            _ => problem,
        })
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        let line = good.filter(|byte| **byte == b'\n').count() + 1;
        let problem =
            ConfigProblem::new(format!("the configuration `{shown}` is not UTF-8, at line {line}"));
        ConfigError::without_text(problem.help("save the file as UTF-8"))
    })
}

/// Reads `text` as far as its form goes; returns at most 20 mistakes, in the order of their places.
///
/// Mistakes of syntax hide unknown keys and wrong values, which cannot be found before.
fn document(text: &str) -> Result<Document, Vec<ConfigProblem>> {
    let (mut table, errors) = DeTable::parse_recoverable(text);
    let mut problems: Vec<ConfigProblem> = errors.iter().take(MOST_PROBLEMS).map(syntax).collect();
    // An entry that is refused is taken out and the rest is read again, so that the next mistake is found too.
    while errors.is_empty() && problems.len() < MOST_PROBLEMS {
        match Document::deserialize(toml::Deserializer::from(table.clone())) {
            Ok(document) if problems.is_empty() => return Ok(document),
            Ok(_) => break,
            Err(error) => {
                let span = error.span().unwrap_or_default();
                let refused = take_out(table.get_mut(), &span);
                problems.push(serde_message::problem(error.message(), span, refused.as_ref()));
                if refused.is_none() {
                    break;
                }
            }
        }
    }
    problems.sort_by_key(ConfigProblem::place);
    Err(problems)
}

fn syntax(error: &toml::de::Error) -> ConfigProblem {
    let span = error.span().unwrap_or_default();
    ConfigProblem::new("this is not TOML").at(span, error.message().replace('\n', ", "))
}
