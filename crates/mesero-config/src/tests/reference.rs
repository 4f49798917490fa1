//! The reference file is complete, and its defaults are the program's.

use std::num::NonZeroUsize;
use std::path::Path;

use serde::de::value::Error as PlainError;
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde::forward_to_deserialize_any;

use crate::LimitSettings;
use crate::REFERENCE;
use crate::elements::cache::CacheTable;
use crate::elements::delay::{DelayTable, LognormalTable};
use crate::elements::negative::NegativeTable;
use crate::elements::rate::RateTable;
use crate::file::raw;
use crate::tests::parse;

/// Reads the names of a struct's fields, by being asked for them.
struct Fields<'a>(&'a mut Vec<&'static str>);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = PlainError;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, PlainError> {
        self.0.extend(fields);
        Err(PlainError::custom("the names are all that is expected"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, PlainError> {
        Err(PlainError::custom("this is not a struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn keys<T: DeserializeOwned>() -> Vec<&'static str> {
    let mut keys = Vec::new();
    // The answer is always an error; the names have been written down by then.
    assert!(T::deserialize(Fields(&mut keys)).is_err());
    assert!(!keys.is_empty());
    keys
}

#[test]
fn every_key_appears_in_the_reference() {
    let tables = [
        keys::<raw::Server>(),
        keys::<raw::Resource>(),
        keys::<raw::Policy>(),
        keys::<raw::PerKey>(),
        keys::<raw::Retry>(),
        keys::<raw::Route>(),
        keys::<CacheTable>(),
        keys::<NegativeTable>(),
        keys::<RateTable>(),
        keys::<raw::Stub>(),
        keys::<DelayTable>(),
        keys::<LognormalTable>(),
    ];
    for key in tables.concat() {
        let shown = ["\n", "\n# ", "{ ", ", "].map(|before| format!("{before}{key} = "));
        let table = format!("[resource.square.{key}]");
        let found = shown.iter().any(|text| REFERENCE.contains(text)) || REFERENCE.contains(&table);
        assert!(found, "{key}");
    }
}

#[test]
fn the_reference_means_the_defaults() {
    let least = "
        [resource.square]
        python = \"package.module:function\"

        [[route]]
        path = \"/calculate_square\"
        resource = \"square\"
    ";
    let folder = Path::new("");
    assert_eq!(parse(REFERENCE, folder).unwrap(), parse(least, folder).unwrap());
}

#[test]
fn the_commented_keys_of_the_reference_are_read_too() {
    let unset = ["limit", "path", "list"].map(|key| format!("# {key} = "));
    let lines = REFERENCE.lines().map(|line| {
        let uncomment = line == "# [[route]]" || unset.iter().any(|start| line.starts_with(start));
        if uncomment { line.trim_start_matches("# ") } else { line }
    });
    let text: Vec<&str> = lines.collect();
    let text = text.join("\n").replace("\nargs = {}", "\nargs = { num = \"query:float\" }");
    let config = parse(&text, Path::new("")).unwrap();
    assert_eq!(config.fronts[0].routes.len(), 2);
    assert_eq!(
        config.resources[0].policy.limit.and_then(LimitSettings::highest).map(NonZeroUsize::get),
        Some(16)
    );
}

#[test]
fn the_reference_means_the_defaults_of_an_http_resource_too() {
    let start = REFERENCE.find("# [resource.api]").unwrap();
    let written = REFERENCE[start..].split("\n\n").next().unwrap();
    let keys = written.lines().map(|line| line.trim_start_matches("# "));
    // They have no default, and a meaning only over https.
    let over_tls =
        |line: &str| ["ca = ", "tls_server_name = "].iter().any(|key| line.starts_with(key));
    let keys = keys.filter(|line| !over_tls(line));
    let keys: Vec<&str> =
        keys.filter(|line| line.contains(" = ") || line.starts_with('[')).collect();
    assert_eq!(keys.len(), 13);
    let least = "[resource.api]\nhttp = \"http://127.0.0.1:8000\"";
    let folder = Path::new("");
    assert_eq!(parse(&keys.join("\n"), folder).unwrap(), parse(least, folder).unwrap());
}
