//! The public API equals the list in `api.txt`: a change of it changes that file, and is seen in
//! review.
//!
//! The list is read from the source, item by item, and has signatures, fields, variants, derives
//! and implementations. It lacks properties that the compiler infers, such as `Send`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const KINDS: [&str; 7] = [
    "pub fn ",
    "pub async fn ",
    "pub const ",
    "pub struct ",
    "pub enum ",
    "pub trait ",
    "pub mod ",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// The sources of the library, without their unit tests.
pub(crate) fn files() -> Vec<String> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    files.sort();
    let texts = files.iter().map(|file| std::fs::read_to_string(file).unwrap());
    texts.map(|text| text.split("#[cfg(test)]").next().unwrap().to_owned()).collect()
}

/// One line an item or a member, without comments and attributes.
fn code() -> Vec<String> {
    let mut lines = Vec::new();
    for text in files() {
        let wanted = |line: &&str| {
            let line = line.trim_start();
            !line.starts_with("//") && (!line.starts_with("#[") || line.starts_with("#[derive"))
        };
        lines.extend(text.lines().filter(wanted).map(str::to_owned));
    }
    lines
}

/// The name before generics, bounds and fields.
pub(crate) fn name(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()
}

/// The implemented trait and type, without the `impl`, its generics and the brace.
pub(crate) fn implemented(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("impl")?;
    let rest = match rest.strip_prefix('<') {
        Some(generics) => generics.split_once("> ")?.1,
        None => rest.strip_prefix(' ')?,
    };
    Some(rest.trim_end_matches(" {").trim_end_matches(" {}"))
}

/// Joins an item's lines up to its body or its end.
fn signature(first: &str, rest: &mut impl Iterator<Item = String>) -> String {
    let mut text = first.trim().to_owned();
    while !text.ends_with(['{', ';', '}']) {
        let Some(line) = rest.next() else { break };
        text = format!("{text} {}", line.trim());
    }
    text.trim_end_matches(['{', ';', ' ']).replace("( ", "(").replace(", )", ")")
}

#[derive(Default)]
struct Api {
    lines: BTreeSet<String>,
    types: BTreeSet<String>,
    traits: BTreeSet<String>,
    implementations: Vec<(String, String)>,
}

fn read() -> Api {
    let (mut api, mut owner, mut derived) = (Api::default(), String::new(), String::new());
    let mut lines = code().into_iter();
    while let Some(line) = lines.next() {
        if line.starts_with("struct ") || line.starts_with("enum ") {
            derived.clear();
        }
        if line.starts_with("#[derive") {
            line.trim_matches(['#', '[', ']']).clone_into(&mut derived);
        } else if line.starts_with('}') {
            owner.clear();
        } else if let Some(what) = implemented(&line) {
            let what = if line.ends_with(['{', '}']) {
                what.to_owned()
            } else {
                signature(what, &mut lines)
            };
            match what.split_once(" for ") {
                Some((_, of)) => api.implementations.push((name(of).to_owned(), what.clone())),
                None => name(&what).clone_into(&mut owner),
            }
        } else if KINDS.iter().any(|kind| line.trim_start().starts_with(kind)) {
            let text = signature(&line, &mut lines);
            let text = text.trim_start_matches("pub ");
            // A type inside a macro is indented.
            if line.starts_with(' ') && !text.starts_with("struct ") {
                api.lines.insert(format!("{owner}: {text}"));
                continue;
            }
            let (kind, rest) = text.split_once(' ').unwrap();
            api.lines.insert(match kind {
                "struct" | "enum" => format!("{} {kind} {rest} {derived}", name(rest)),
                _ => format!("{} {text}", name(rest)),
            });
            if kind != "fn" && kind != "mod" {
                api.types.insert(name(rest).to_owned());
                if kind == "trait" {
                    api.traits.insert(name(rest).to_owned());
                }
                name(rest).clone_into(&mut owner);
            }
            derived.clear();
        } else if let Some(field) = line.strip_prefix("    pub ") {
            if !field.starts_with('(') {
                api.lines.insert(format!("{owner}: {}", field.trim_end_matches(',')));
            }
        } else if api.types.contains(&owner) && !line.trim_start().starts_with('}') {
            // A variant, a variant's field, or a trait's method.
            let member = line.trim().trim_end_matches([',', '{', ';', ' ']);
            let depth = line.len() - line.trim_start().len();
            let is_variant = depth == 4 && member.starts_with(|c: char| c.is_ascii_uppercase());
            let is_method = depth == 4 && member.starts_with("fn ") && api.traits.contains(&owner);
            if is_variant || is_method {
                api.lines.insert(format!("{owner}: {member}"));
            }
        }
    }
    api
}

#[test]
fn the_public_api_equals_the_list() {
    let mut api = read();
    for (of, what) in std::mem::take(&mut api.implementations) {
        if api.types.contains(&of) {
            api.lines.insert(format!("{of} impl {what}"));
        }
    }
    let found: String = api.lines.iter().map(|line| format!("{}\n", line.trim_end())).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("api.txt");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let listed = std::fs::read_to_string(&path).unwrap_or_default();
    let (found, listed): (BTreeSet<_>, BTreeSet<_>) =
        (found.lines().collect(), listed.lines().collect());
    let (new, gone): (Vec<_>, Vec<_>) =
        (found.difference(&listed).collect(), listed.difference(&found).collect());
    assert!(
        new.is_empty() && gone.is_empty(),
        "the public API has changed. New: {new:#?}\nGone: {gone:#?}\nIf that is intended, run the test with UPDATE_EXPECTED=1"
    );
}
