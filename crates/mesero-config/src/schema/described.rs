//! JSON Schemas of the tables and values of a configuration.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use toml::Spanned;

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

        impl $crate::schema::described::Described for $name {
            fn schema() -> ::serde_json::Value {
                use $crate::schema::described::{Described, table};
                table([$((stringify!($key), <$type as Described>::schema())),*])
            }
        }
    )+ };
}
pub(crate) use described;

/// A type that can be written in a configuration.
pub(crate) trait Described {
    /// Returns a schema that accepts every way in which it may be written.
    fn schema() -> Value;
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

/// Returns the schema of values that one of these accepts.
pub(crate) fn any_of(ways: [Value; 2]) -> Value {
    json!({ "anyOf": Value::Array(ways.into()) })
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
