//! The source of an argument, and its type: `SOURCE[.NAME]:TYPE[?]`.

use std::fmt;

use serde_json::{Value, json};

use crate::elements::element::{Element, Hint};
use crate::elements::word::Word;

/// The part of a request that an argument is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentSource {
    /// A `{name}` segment of the route's path.
    Path,
    /// A parameter of the query string.
    Query,
    /// A header field.
    Header,
    /// A member of the JSON object in the body.
    Body,
}

impl Word for ArgumentSource {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("path", Self::Path),
        ("query", Self::Query),
        ("header", Self::Header),
        ("body", Self::Body),
    ];
}

/// The type of an argument's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentKind {
    Str,
    Int,
    Float,
    Bool,
    Json,
}

impl Word for ArgumentKind {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("str", Self::Str),
        ("int", Self::Int),
        ("float", Self::Float),
        ("bool", Self::Bool),
        ("json", Self::Json),
    ];
}

impl fmt::Display for ArgumentKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// An argument as written, without its own name, which is its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ArgumentText {
    pub(crate) source: ArgumentSource,
    /// The name inside the source, when it is not the argument's own.
    pub(crate) key: Option<String>,
    pub(crate) kind: ArgumentKind,
    pub(crate) required: bool,
}

/// Reads `TYPE[?]`; returns the type and whether a value is required.
pub(crate) fn kind(text: &str) -> Result<(ArgumentKind, bool), Hint> {
    let (word, required) = text.strip_suffix('?').map_or((text, true), |word| (word, false));
    let kind = ArgumentKind::from_text(word)
        .map_err(|hint| hint.or(format!("the type is {}", ArgumentKind::expected())))?;
    Ok((kind, required))
}

impl Element for ArgumentText {
    fn expected() -> String {
        "SOURCE:TYPE or SOURCE.NAME:TYPE such as \"query:float\" or \"header.x-user:str?\""
            .to_owned()
    }

    fn schema() -> Value {
        let sources = alternatives::<ArgumentSource>();
        let kinds = alternatives::<ArgumentKind>();
        json!({ "type": "string", "pattern": format!(r"^({sources})(\..+)?:({kinds})\??$") })
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        let (place, kind_text) =
            text.rsplit_once(':').ok_or_else(|| Hint::new("the type is missing"))?;
        let (word, key) =
            place.split_once('.').map_or((place, None), |(word, key)| (word, Some(key.to_owned())));
        let source = ArgumentSource::from_text(word)
            .map_err(|hint| hint.or(format!("the source is {}", ArgumentSource::expected())))?;
        if key.as_deref().is_some_and(str::is_empty) {
            return Err(Hint::new("the name after the dot is missing"));
        }
        let (kind, required) = kind(kind_text)?;
        Ok(Self { source, key, kind, required })
    }
}

/// Returns the words of `T` as alternatives of a regular expression.
fn alternatives<T: Word>() -> String {
    T::WORDS.iter().map(|(word, _)| *word).collect::<Vec<_>>().join("|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_name_type_and_question_mark_are_read() {
        let argument = ArgumentText::from_text("header.x-user:str?").unwrap();
        let expected = ArgumentText {
            source: ArgumentSource::Header,
            key: Some("x-user".to_owned()),
            kind: ArgumentKind::Str,
            required: false,
        };
        assert_eq!(argument, expected);
    }

    #[test]
    fn a_key_may_have_dots_and_colons() {
        let argument = ArgumentText::from_text("query.a.b:c:int").unwrap();
        assert_eq!(argument.key.as_deref(), Some("a.b:c"));
        assert!(argument.required);
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "query", "query:", ":int", "form:int", "query.:int", "query:int??", "query:number"]
        {
            assert!(ArgumentText::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_mistyped_type_is_answered_with_the_nearest() {
        assert_eq!(ArgumentText::from_text("query:flot"), Err(Hint::new("did you mean `float`?")));
    }

    #[test]
    fn a_type_prints_the_word_it_is_written_as() {
        for (word, kind) in ArgumentKind::WORDS {
            assert_eq!(kind.to_string(), *word);
        }
    }
}
