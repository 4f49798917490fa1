//! Every public type and function has an example that runs: in its own documentation, or in its type's.

use std::collections::BTreeMap;

use crate::api::{files, implemented, name};

/// A public item, and the examples in its documentation.
struct Item {
    owner: String,
    name: String,
    examples: String,
}

/// The code of the examples that `cargo test` runs, of one item's documentation.
fn examples(documentation: &[String]) -> String {
    let (mut code, mut within) = (String::new(), None);
    for line in documentation {
        match (line.trim().strip_prefix("```"), within) {
            (Some(language), None) => within = Some(language.is_empty()),
            (Some(_), Some(_)) => within = None,
            (None, Some(true)) => code = format!("{code}{line}\n"),
            (None, _) => {}
        }
    }
    code
}

/// The name of the type or function that begins with this text.
fn declared(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("async ").unwrap_or(text);
    let kinds = ["fn ", "const ", "struct ", "enum ", "trait "];
    kinds.iter().find_map(|kind| rest.strip_prefix(kind)).map(name)
}

fn items() -> Vec<Item> {
    let mut items = Vec::new();
    for text in files() {
        let (mut owner, mut is_trait, mut documentation) = (String::new(), false, Vec::new());
        for line in text.lines() {
            let text = line.trim_start();
            let public = text.strip_prefix("pub ").or_else(|| is_trait.then_some(text));
            if let Some(said) = text.strip_prefix("///") {
                documentation.push(said.to_owned());
            } else if let Some(item) = public.and_then(declared) {
                let owner_now = if line.starts_with(' ') { owner.clone() } else { String::new() };
                let examples = examples(&std::mem::take(&mut documentation));
                items.push(Item { owner: owner_now, name: item.to_owned(), examples });
                if text.starts_with("pub trait ") {
                    (owner, is_trait) = (item.to_owned(), true);
                }
            } else if !text.starts_with("#[") {
                documentation.clear();
                match implemented(line) {
                    Some(what) if !what.contains(" for ") => name(what).clone_into(&mut owner),
                    _ if line.starts_with('}') => (owner, is_trait) = (String::new(), false),
                    _ => {}
                }
            }
        }
    }
    items
}

/// True if an example of its type calls the item or names it.
fn is_shown(item: &Item, types: &BTreeMap<&str, &str>) -> bool {
    let code = types.get(&*item.owner).copied().unwrap_or_default();
    [".", "::"].iter().any(|sign| {
        let used = format!("{sign}{}", item.name);
        let mut after = code.split(&used).skip(1);
        after.any(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
    })
}

#[test]
fn every_public_item_has_an_example_that_runs() {
    let items = items();
    let listed = include_str!("../../api.txt").lines();
    let listed = listed.filter_map(|line| declared(line.split_once(' ').unwrap().1)).count();
    assert_eq!(items.len(), listed, "every item of the list of the public API");
    let types = items.iter().filter(|item| item.owner.is_empty());
    let types: BTreeMap<_, _> = types.map(|item| (&*item.name, &*item.examples)).collect();
    let without_example =
        items.iter().filter(|item| item.examples.is_empty() && !is_shown(item, &types));
    let without_example: Vec<_> =
        without_example.map(|Item { owner, name, .. }| format!("{owner}::{name}")).collect();
    assert!(
        without_example.is_empty(),
        "{} items without an example: {without_example:#?}",
        without_example.len()
    );
}
