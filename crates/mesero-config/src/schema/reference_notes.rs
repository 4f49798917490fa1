//! Comments and defaults of keys in the reference.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::REFERENCE;

/// Comments and defaults of keys, each by its table and its own name.
#[derive(Debug)]
pub(crate) struct Notes {
    comments: BTreeMap<(&'static str, &'static str), String>,
    defaults: toml::Table,
}

/// The tables, by their headers in the reference, where `square` is an example of a resource.
const TABLES: [(&str, &str); 4] = [
    ("[server]", "server"),
    ("[resource.square.policy]", "policy"),
    ("[resource.", "resource"),
    ("[[route]]", "route"),
];

/// Keys whose values in the reference are examples, not defaults.
const EXAMPLES: [(&str, &str); 3] =
    [("resource", "python"), ("route", "path"), ("route", "resource")];

impl Notes {
    pub(crate) fn of_the_reference() -> Self {
        let mut comments = BTreeMap::new();
        let (mut table, mut of_table, mut of_key) = ("", String::new(), String::new());
        for line in REFERENCE.lines() {
            let text = line.trim_start_matches("# ");
            if let Some((_, name)) = TABLES.iter().find(|(header, _)| text.starts_with(header)) {
                (table, of_table) = (name, std::mem::take(&mut of_key));
            } else if line.is_empty() {
                (of_table, of_key) = (String::new(), String::new());
            } else if let Some(key) = key(text) {
                // A key without a comment of its own is what the comment above its table is about.
                let own = std::mem::take(&mut of_key);
                let comment = if own.is_empty() { of_table.clone() } else { own };
                comments.entry((table, key)).or_insert(comment);
            } else {
                let space = if of_key.is_empty() { "" } else { " " };
                of_key.push_str(&format!("{space}{text}"));
            }
        }
        Self { comments, defaults: toml::from_str(REFERENCE).unwrap_or_default() }
    }

    /// Adds to the schema of a table what is known of its keys.
    pub(crate) fn add_to(&self, schema: &mut Value, table: &str) {
        let Some(properties) = schema["properties"].as_object_mut() else { return };
        for (key, property) in properties {
            let written = property["description"].as_str().unwrap_or_default();
            if let Some(comment) = self.comments.get(&(table, key.as_str())) {
                property["description"] = format!("{comment}\n\n{written}").trim_end().into();
            }
            if let Some(default) = self.default(table, key) {
                property["default"] = default;
            }
        }
    }

    fn default(&self, table: &str, key: &str) -> Option<Value> {
        let square = || self.defaults.get("resource")?.get("square");
        let written = match table {
            "server" => self.defaults.get("server"),
            "policy" => square()?.get("policy"),
            "resource" => square(),
            _ => self.defaults.get("route")?.get(0),
        };
        let is_example = EXAMPLES.contains(&(table, key)) || key == "policy";
        let value = written?.get(key).filter(|_| !is_example)?;
        serde_json::to_value(value).ok()
    }
}

/// Returns the key of a line `KEY = VALUE`, also if the line is commented out.
fn key(line: &str) -> Option<&str> {
    let (key, value) = line.split_once(" = ")?;
    let is_key =
        key.bytes().all(|byte| byte.is_ascii_lowercase() || b"_0123456789".contains(&byte));
    // A sentence may begin in the same way, but has words behind the value.
    (is_key && toml::from_str::<toml::Table>(line).is_ok() && !value.is_empty()).then_some(key)
}
