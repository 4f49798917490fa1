//! One value, or an array of such values.

use serde::de::{Error, SeqAccess};
use serde_json::{Value, json};

use crate::elements::element::{Element, Hint};
use crate::schema::described::any_of;

/// At least one value; alone, it needs no brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OneOrMany<T>(pub(crate) Vec<T>);

impl<T: Element> Element for OneOrMany<T> {
    fn expected() -> String {
        format!("{}, or an array of them", T::expected())
    }

    fn schema() -> Value {
        any_of([T::schema(), json!({ "type": "array", "items": T::schema(), "minItems": 1 })])
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        T::from_text(text).map(|value| Self(vec![value]))
    }

    fn from_array<'de, A: SeqAccess<'de>>(mut array: A) -> Result<Self, A::Error> {
        let mut values = Vec::new();
        while let Some(crate::elements::element::Value(value)) = array.next_element()? {
            values.push(value);
        }
        if values.is_empty() {
            return Err(A::Error::custom(format!(
                "expected {}, found an empty array",
                Self::expected()
            )));
        }
        Ok(Self(values))
    }
}
