//! The configuration as a JSON Schema, for editors that complete and check it.
//!
//! It accepts every valid configuration, and rejects mistakes of a single value: an unknown key, a word where a
//! number belongs. Contradictions between values are found by [`Config::load`](Config::load).

pub(crate) mod described;
mod reference_notes;

use serde_json::{Value, json};

use crate::config::Config;
use crate::elements::word::Word;
use crate::file::raw;
use crate::resource::kind::KindKey;
use crate::schema::described::{Described, with_required};
use reference_notes::Notes;

impl Config {
    /// Returns the JSON Schema of a configuration file.
    pub fn schema() -> Value {
        document()
    }
}

/// Returns the schema of a configuration file: draft 7, the newest that editors of TOML agree on.
fn document() -> Value {
    let mut schema = raw::Document::schema();
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("A configuration of mesero");
    let tables = &mut schema["properties"];
    // As `resource::is_resource_name` has it.
    tables["resource"]["propertyNames"] = json!({ "pattern": "^[a-z][a-z0-9_-]*$" });
    let resource = &mut tables["resource"]["additionalProperties"];
    resource["oneOf"] = KindKey::all().map(|kind| json!({ "required": [kind.word()] })).collect();
    let route = tables["route"]["items"].take();
    tables["route"]["items"] = with_required(route, &["path"]);
    let notes = Notes::of_the_reference();
    notes.add_to(&mut tables["server"], "server");
    notes.add_to(&mut tables["resource"]["additionalProperties"]["properties"]["policy"], "policy");
    notes.add_to(&mut tables["resource"]["additionalProperties"], "resource");
    notes.add_to(&mut tables["route"]["items"], "route");
    schema
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    /// The keys of a table, by the path of its schema.
    fn keys(path: &str) -> Map<String, Value> {
        document().pointer(path).unwrap().as_object().unwrap().clone()
    }

    const SERVER: &str = "/properties/server/properties";
    const RESOURCE: &str = "/properties/resource/additionalProperties/properties";
    const POLICY: &str = "/properties/resource/additionalProperties/properties/policy/properties";
    const ROUTE: &str = "/properties/route/items/properties";

    #[test]
    fn every_key_is_described_as_the_reference_describes_it() {
        for table in [SERVER, RESOURCE, POLICY, ROUTE] {
            for (key, schema) in keys(table) {
                // The policy is a table, and its keys are described.
                let description = schema["description"].as_str().unwrap_or_default();
                assert!(!description.is_empty() || key == "policy", "{key}");
            }
        }
        let threads = &keys(SERVER)["threads"]["description"];
        let expected = "Threads that serve requests.\n\nWritten as a whole number from 1 to 1024.";
        assert_eq!(threads, expected);
        let stub = keys(RESOURCE)["stub"]["description"].to_string();
        assert!(stub.contains("which waits and answers"), "{stub}");
    }

    #[test]
    fn a_default_is_one_and_no_example() {
        assert_eq!(keys(SERVER)["listen"]["default"], "localhost:8888");
        assert_eq!(keys(POLICY)["retry"]["default"]["max_attempts"], 1);
        assert_eq!(keys(ROUTE)["reply"]["default"], "json");
        for (table, key) in [(RESOURCE, "python"), (ROUTE, "path"), (POLICY, "limit")] {
            assert!(keys(table)[key].get("default").is_none(), "{key}");
        }
    }
}
