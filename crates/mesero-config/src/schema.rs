//! The configuration as a JSON Schema, for editors that complete and check while somebody types.
//!
//! It accepts whatever a configuration may say, and refuses what is wrong by itself: an unknown key, a word where a
//! number belongs. What contradicts something else is left to [`Config::load`](crate::Config::load).

mod reference_notes;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use toml::Spanned;

use crate::elements::{Element, Setting};
use crate::file::raw;
use crate::resource::kind::KindKey;
use reference_notes::Notes;

/// Describes the tables that it contains: their keys are the properties of an object that has no others.
///
/// A macro, because a derive would have to know [`Spanned`], and no two foreign crates know each other's traits.
macro_rules! described {
    ($(
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident {
            $($(#[$key_meta:meta])* $key_visibility:vis $key:ident: $type:ty,)*
        }
    )+) => { $(
        $(#[$meta])*
        $visibility struct $name {
            $($(#[$key_meta])* $key_visibility $key: $type,)*
        }

        impl $crate::schema::Described for $name {
            fn schema() -> ::serde_json::Value {
                use $crate::schema::{Described, table};
                table([$((stringify!($key), <$type as Described>::schema())),*])
            }
        }
    )+ };
}
pub(crate) use described;

/// Something that can be written in a configuration.
pub(crate) trait Described {
    /// Returns a schema that accepts every way in which it may be written.
    fn schema() -> Value;
}

/// Returns the schema of a configuration file: draft 7, the newest that editors of TOML agree on.
pub(crate) fn document() -> Value {
    let mut schema = raw::Document::schema();
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("A configuration of mesero");
    let tables = &mut schema["properties"];
    // As `resource::is_resource_name` has it.
    tables["resource"]["propertyNames"] = json!({ "pattern": "^[a-z][a-z0-9_-]*$" });
    let resource = &mut tables["resource"]["additionalProperties"];
    resource["oneOf"] = KindKey::ALL.map(|kind| json!({ "required": [kind.as_str()] })).into();
    let route = tables["route"]["items"].take();
    tables["route"]["items"] = with_required(route, &["path"]);
    let notes = Notes::of_the_reference();
    notes.add_to(&mut tables["server"], "server");
    notes.add_to(&mut tables["resource"]["additionalProperties"]["properties"]["policy"], "policy");
    notes.add_to(&mut tables["resource"]["additionalProperties"], "resource");
    notes.add_to(&mut tables["route"]["items"], "route");
    schema
}

/// Returns the schema of a table with these keys and no others.
pub(crate) fn table<const KEYS: usize>(keys: [(&str, Value); KEYS]) -> Value {
    let keys = keys.map(|(key, schema)| (key.to_owned(), schema));
    let properties = Map::from_iter(keys);
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// Returns the schema of a table that has to have these keys.
pub(crate) fn with_required(mut table: Value, keys: &[&str]) -> Value {
    table["required"] = json!(keys);
    table
}

/// Returns the schema of whatever one of these accepts.
pub(crate) fn any_of(ways: [Value; 2]) -> Value {
    json!({ "anyOf": Value::Array(ways.into()) })
}

impl<T: Element> Described for Setting<T> {
    fn schema() -> Value {
        let mut schema = T::schema();
        schema["description"] = format!("Written as {}.", T::wanted()).into();
        schema
    }
}

impl<T: Described> Described for Option<T> {
    fn schema() -> Value {
        T::schema()
    }
}

impl<T: Described> Described for Spanned<T> {
    fn schema() -> Value {
        T::schema()
    }
}

impl<T: Described> Described for Vec<T> {
    fn schema() -> Value {
        json!({ "type": "array", "items": T::schema() })
    }
}

impl<T: Described> Described for [T; 2] {
    fn schema() -> Value {
        json!({ "type": "array", "items": T::schema(), "minItems": 2, "maxItems": 2 })
    }
}

impl<T: Described> Described for BTreeMap<Spanned<String>, T> {
    fn schema() -> Value {
        json!({ "type": "object", "additionalProperties": T::schema() })
    }
}

impl Described for String {
    fn schema() -> Value {
        json!({ "type": "string" })
    }
}

impl Described for bool {
    fn schema() -> Value {
        json!({ "type": "boolean" })
    }
}

impl Described for u64 {
    fn schema() -> Value {
        json!({ "type": "integer", "minimum": 0 })
    }
}

#[cfg(test)]
mod tests {
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
        let wanted = "Threads that serve requests.\n\nWritten as a whole number from 1 to 1024.";
        assert_eq!(threads, wanted);
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
