//! An item as the arguments of a function.

use serde_json::Value;

use crate::item::Input;

/// What texts without quotes stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextParsing {
    /// A text that reads as a number or as `true` or `false` is that.
    GuessTypes,
    /// A text is a text.
    KeepText,
}

impl TextParsing {
    /// The arguments for an item: the fields by their names, the elements of an array in order, or else the item alone.
    pub(super) fn arguments(self, input: &Input) -> String {
        match input {
            Input::Fields(_) => input.json(),
            Input::Json(raw) if raw.get().starts_with('[') => input.json(),
            Input::Text(text) => format!("[{}]", self.literal(text)),
            Input::Number(_) | Input::Json(_) => format!("[{}]", input.json()),
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
        match self == Self::GuessTypes && is_literal() {
            true => text.to_owned(),
            false => Value::from(text).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_reads_as_a_number_is_one_unless_told_otherwise() {
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
            |json: &str| TextParsing::GuessTypes.arguments(&Input::of_json(json).unwrap());
        assert_eq!(arguments(r#"{"a": "1"}"#), r#"{"a":"1"}"#);
        assert_eq!(arguments("[1, 2]"), "[1, 2]");
        assert_eq!(arguments("null"), "[null]");
        assert_eq!(arguments("7"), "[7]");
    }
}
