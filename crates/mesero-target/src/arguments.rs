//! Items as arguments of a function.

use serde_json::Value;

use crate::item::ItemInput;

/// The conversion of texts without quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextParsing {
    /// Numbers, `true` and `false` are converted.
    GuessTypes,
    /// Every text stays a text.
    KeepText,
}

impl TextParsing {
    /// The arguments for an item: its fields by name, the elements of an array in order, or the item alone.
    pub(super) fn arguments(self, input: &ItemInput) -> String {
        match input {
            ItemInput::Fields(_) => input.json(),
            ItemInput::Json(raw) if raw.get().starts_with('[') => input.json(),
            ItemInput::Text(text) => format!("[{}]", self.literal(text)),
            ItemInput::Number(_) | ItemInput::Json(_) => format!("[{}]", input.json()),
        }
    }

    /// A text as JSON.
    pub(super) fn literal(self, text: &str) -> String {
        let is_literal = || {
            matches!(text, "true" | "false")
                || text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
                    && serde_json::from_str::<&serde_json::value::RawValue>(text)
                        .is_ok_and(|raw| raw.get().len() == text.len())
        };
        if self == Self::GuessTypes && is_literal() {
            return text.to_owned();
        }
        Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_looks_like_a_number_is_converted_unless_texts_are_kept() {
        for (text, literal) in [
            ("3", "3"),
            ("-1.5e3", "-1.5e3"),
            ("true", "true"),
            ("007", "\"007\""),
            ("1 ", "\"1 \""),
            ("null", "\"null\""),
            ("[1]", "\"[1]\""),
            ("", "\"\""),
        ] {
            assert_eq!(TextParsing::GuessTypes.literal(text), literal);
        }
        assert_eq!(TextParsing::KeepText.literal("3"), "\"3\"");
    }

    #[test]
    fn fields_are_named_arguments_and_an_array_is_arguments_in_order() {
        let arguments =
            |json: &str| TextParsing::GuessTypes.arguments(&ItemInput::of_json(json).unwrap());
        assert_eq!(arguments(r#"{"a": "1"}"#), r#"{"a":"1"}"#);
        assert_eq!(arguments("[1, 2]"), "[1, 2]");
        assert_eq!(arguments("null"), "[null]");
        assert_eq!(arguments("7"), "[7]");
    }
}
