//! The body of a request, filled with the fields of an item.

use mesero_config::template::{Part, Template};

use crate::arguments::TextParsing;
use crate::fields::missing_field;
use crate::item::{ItemField, ItemInput};

/// A body with placeholders.
#[derive(Debug)]
pub(super) enum BodyTemplate {
    /// Values are inserted unchanged.
    Text(Template),
    /// Values are encoded as JSON.
    Json(Template),
}

impl BodyTemplate {
    /// A body that is JSON for every item.
    ///
    /// # Errors
    /// If it is not JSON; a fragment that follows "failed to".
    pub(super) fn json(template: Template) -> Result<Self, String> {
        let (mut sample, mut quotes) = (String::new(), JsonStringState::default());
        for part in template.pieces() {
            match part {
                Part::Text(text) => {
                    quotes.read(text);
                    sample.push_str(text);
                }
                Part::Name(_) if quotes.open => {}
                Part::Name(_) => sample.push('0'),
            }
        }
        match serde_json::from_str::<serde::de::IgnoredAny>(&sample) {
            Ok(_) => Ok(Self::Json(template)),
            Err(error) => Err(format!(
                "send the body of `--json`: it is not JSON, even with its placeholders filled: {error}; use `-d` to send any text"
            )),
        }
    }

    pub(super) fn template(&self) -> &Template {
        match self {
            Self::Text(template) | Self::Json(template) => template,
        }
    }

    /// The body for an item.
    ///
    /// # Errors
    /// If the item lacks a field.
    pub(super) fn fill(&self, input: &ItemInput) -> Result<String, String> {
        let mut body = String::new();
        let mut quotes = JsonStringState::default();
        for part in self.template().pieces() {
            match part {
                Part::Text(text) => {
                    quotes.read(text);
                    body.push_str(text);
                }
                Part::Name(name) => match self {
                    Self::Text(_) => {
                        body.push_str(&input.text(name).ok_or_else(|| missing_field(name))?)
                    }
                    Self::Json(_) if quotes.open => {
                        let text = input.text(name).ok_or_else(|| missing_field(name))?;
                        let quoted = serde_json::Value::from(&*text).to_string();
                        body.push_str(&quoted[1..quoted.len() - 1]);
                    }
                    Self::Json(_) => body.push_str(&value(input, name)?),
                },
            }
        }
        Ok(body)
    }
}

/// A field, or the item, as a JSON value.
fn value(input: &ItemInput, name: &str) -> Result<String, String> {
    match input {
        ItemInput::Text(text) => Ok(TextParsing::GuessTypes.literal(text)),
        ItemInput::Fields(fields) if name != mesero_config::template::WHOLE => {
            match fields.get(name) {
                Some(ItemField::Text(text)) => Ok(TextParsing::GuessTypes.literal(text)),
                Some(ItemField::Json(raw)) => Ok(raw.get().to_owned()),
                None => Err(missing_field(name)),
            }
        }
        _ => Ok(input.json()),
    }
}

/// The position in a JSON text: inside of a string or outside.
#[derive(Debug, Default)]
struct JsonStringState {
    open: bool,
    escaped: bool,
}

impl JsonStringState {
    fn read(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                _ if self.escaped => self.escaped = false,
                '\\' => self.escaped = self.open,
                '"' => self.open = !self.open,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str, item: &str) -> String {
        let body = BodyTemplate::json(Template::parse_loosely(template)).unwrap();
        body.fill(&ItemInput::of_json(item).unwrap()).unwrap()
    }

    #[test]
    fn a_value_in_json_stays_a_value_and_a_text_in_quotes_a_text() {
        let item = r#"{"n": 1.0, "t": "a \"b\"", "digits": "7", "o": {"x": [1]}}"#;
        assert_eq!(
            filled(r#"{"v": {n}, "w": {t}, "o":{o}}"#, item),
            r#"{"v": 1.0, "w": "a \"b\"", "o":{"x": [1]}}"#
        );
        assert_eq!(filled(r#"{"v": "<{n}|{t}>"}"#, item), r#"{"v": "<1.0|a \"b\">"}"#);
        assert_eq!(filled(r#"["\"{t}", {digits}, "{digits}"]"#, item), r#"["\"a \"b\"", 7, "7"]"#);
        assert_eq!(filled("{}", "[1]"), "[1]");
    }
}
