//! The value of an item, and its fields.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::Hasher;

use mesero_config::template::WHOLE;
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;
use siphasher::sip128::{Hasher128, SipHasher13};

/// The value of an item.
#[derive(Debug)]
pub enum ItemInput {
    /// An argument, a line, or a JSON string.
    Text(String),
    /// A number of a range, or an integer in JSON.
    Number(i64),
    /// Any other JSON without fields.
    Json(Box<RawValue>),
    /// A JSON object, or a row of a table.
    Fields(BTreeMap<String, ItemField>),
}

/// The value of a field.
#[derive(Debug)]
pub enum ItemField {
    /// A cell, or a JSON string.
    Text(String),
    /// Any other JSON.
    Json(Box<RawValue>),
}

impl ItemInput {
    /// Parses a JSON text.
    pub fn of_json(text: &str) -> serde_json::Result<Self> {
        let raw: &RawValue = serde_json::from_str(text)?;
        Ok(match raw.get().as_bytes() {
            [b'{', ..] => {
                Self::Fields(serde_json::from_str::<BTreeMap<String, ItemField>>(raw.get())?)
            }
            [b'"', ..] => Self::Text(serde_json::from_str(raw.get())?),
            _ => match raw.get().parse::<i64>() {
                // Only the form that we write ourselves, so that the text is kept exactly.
                Ok(number) if number.to_string() == raw.get() => Self::Number(number),
                _ => Self::Json(raw.to_owned()),
            },
        })
    }

    /// The text that replaces the placeholder `name`: that of the field, or of the whole item for [`WHOLE`] and, if the
    /// item has no fields, for any name.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Number(number) => Some(Cow::Owned(number.to_string())),
            Self::Json(raw) => Some(Cow::Borrowed(raw.get())),
            Self::Fields(_) if name == WHOLE => Some(Cow::Owned(self.json())),
            Self::Fields(fields) => fields.get(name).map(ItemField::text),
        }
    }

    /// The item as JSON on one line, fields sorted by name.
    pub fn json(&self) -> String {
        // Texts, numbers and JSON can always be serialized.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The identity of the item: its id field, or a hash of target and item. Equal in every run and every version.
    pub fn id(&self, field: &str, target: &str) -> String {
        if let Self::Fields(fields) = self
            && let Some(id) = fields.get(field)
        {
            return id.text().into_owned();
        }
        // Without a random key: the hash must be equal in every run.
        let mut hasher = SipHasher13::new();
        hasher.write(target.as_bytes());
        hasher.write_u8(0);
        hasher.write(self.json().as_bytes());
        format!("{:032x}", hasher.finish128().as_u128())
    }
}

impl ItemField {
    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Json(raw) => Cow::Borrowed(raw.get()),
        }
    }
}

impl<'de> serde::Deserialize<'de> for ItemField {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if raw.get().starts_with('"') {
            let text = serde_json::from_str(raw.get()).map_err(serde::de::Error::custom)?;
            return Ok(Self::Text(text));
        }
        Ok(Self::Json(raw))
    }
}

impl Serialize for ItemField {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Json(raw) => raw.serialize(serializer),
        }
    }
}

impl Serialize for ItemInput {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Json(raw) => raw.serialize(serializer),
            Self::Fields(fields) => fields.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_kept_exactly() {
        for text in
            ["3", "-0", "1e400", "123456789012345678901234567890", "[1, 2]", "null", "\"a\""]
        {
            assert_eq!(ItemInput::of_json(text).unwrap().json(), text);
        }
        let object =
            ItemInput::of_json(r#" {"b": 1.50, "a": "x\u00e9", "c": {"d":  1}} "#).unwrap();
        assert_eq!(object.json(), r#"{"a":"xé","b":1.50,"c":{"d":  1}}"#);
        assert_eq!(object.text("b").unwrap(), "1.50");
        assert_eq!(object.text("a").unwrap(), "xé");
        assert!(object.text("z").is_none());
    }

    #[test]
    fn an_id_is_the_field_or_a_hash_of_target_and_item() {
        let row = |text: &str| ItemInput::of_json(text).unwrap();
        assert_eq!(row(r#"{"id": 7}"#).id("id", "t"), "7");
        let one = row(r#"{"a": 1, "b": 2}"#).id("id", "t");
        assert_eq!(one, row(r#"{"b":2,"a":1}"#).id("id", "t"));
        assert_ne!(one, row(r#"{"b":2,"a":1}"#).id("id", "u"));
        assert_eq!(row("\"x\"").id("id", "t"), ItemInput::Text("x".to_owned()).id("id", "t"));
        assert_eq!(row("5").id("id", "t"), ItemInput::Number(5).id("id", "t"));
        // A constant: if it changed, a later version could not resume the runs of this one.
        assert_eq!(ItemInput::Number(5).id("id", "t"), "383388e359a63646e6a761df0724ca9a");
    }
}
