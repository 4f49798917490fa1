//! Messages of serde about a document, in the terms of TOML.

use std::ops::Range;

use mesero_terminal::nearest::{listed, nearest};
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::ConfigProblem;
use crate::file::raw;
use crate::file::rejected_entry::RejectedEntry;

/// Makes a problem of serde's message, which has the same few shapes for every format and every type.
pub(crate) fn problem(
    message: &str,
    span: Range<usize>,
    refused: Option<&RejectedEntry<'_>>,
) -> ConfigProblem {
    let keys = refused.map(|refused| refused.keys.as_slice()).unwrap_or_default();
    if let Some((key, known)) = unknown_key(message) {
        return match refused {
            Some(refused) if is_of_the_policy(refused) => misplaced(key, span, keys),
            _ => unknown(key, &known, span, keys),
        };
    }
    let label = mismatch(message, refused.map(|refused| &refused.value));
    ConfigProblem::new(format!("invalid value for `{}`", keys.join("."))).at(span, label)
}

fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let (key, known) = message.strip_prefix("unknown field `")?.rsplit_once("`, expected ")?;
    Some((key, known.split('`').skip(1).step_by(2).collect()))
}

fn unknown(key: &str, known: &[&str], span: Range<usize>, keys: &[String]) -> ConfigProblem {
    let table = match keys.split_last() {
        Some((_, table)) if !table.is_empty() => format!(" in `{}`", table.join(".")),
        _ => String::new(),
    };
    let problem = ConfigProblem::new(format!("unknown key `{key}`{table}"));
    match nearest(key, known.iter().copied()) {
        Some(name) => problem.at(span, format!("did you mean `{name}`?")),
        None => problem
            .at(span, "there is no such key here")
            .help(format!("the keys here are {}", listed(known.iter().copied()))),
    }
}

/// Returns whether an unknown key of a resource is one of its policy, where it would be known.
fn is_of_the_policy(refused: &RejectedEntry<'_>) -> bool {
    let [resource, _, key] = refused.keys.as_slice() else {
        return false;
    };
    let alone = (Spanned::new(0..0, key.into()), Spanned::new(0..0, refused.value.clone()));
    let table = Spanned::new(0..0, DeTable::from_iter([alone]));
    let answer = raw::Policy::deserialize(toml::Deserializer::from(table));
    resource == "resource" && !answer.is_err_and(|error| unknown_key(error.message()).is_some())
}

fn misplaced(key: &str, span: Range<usize>, keys: &[String]) -> ConfigProblem {
    let resource = keys.get(1).map(String::as_str).unwrap_or_default();
    ConfigProblem::new(format!("`{key}` is a key of the policy"))
        .at(span, format!("move it to [resource.{resource}.policy]"))
}

/// Says what was expected and found; elements have said it themselves already.
fn mismatch(message: &str, value: Option<&DeValue<'_>>) -> String {
    let parts = ["invalid type: ", "invalid value: "]
        .iter()
        .find_map(|prefix| message.strip_prefix(prefix)?.rsplit_once(", expected "));
    let Some((found, expected)) = parts else {
        return message.to_owned();
    };
    let expected = match expected {
        "a sequence" => "an array",
        "a map" => "a table",
        "a boolean" => "true or false",
        other => other,
    };
    let found = match (found, value) {
        // A date reaches serde as a map.
        ("map", Some(DeValue::Datetime(date))) => date.to_string(),
        ("map", _) => "a table".to_owned(),
        ("sequence", _) => "an array".to_owned(),
        (literal, _) => ["string ", "integer ", "boolean ", "floating point "]
            .iter()
            .find_map(|kind| literal.strip_prefix(kind))
            .map_or_else(|| literal.to_owned(), |literal| literal.trim_matches('`').to_owned()),
    };
    format!("expected {expected}, found {found}")
}
