//! Settings that are one word out of a few.

use mesero::OnDisconnect;
use mesero_terminal::nearest::nearest;
use serde_json::{Value, json};

use crate::elements::element::{Element, Hint};

/// Encoding of a function's value as a reply's body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyForm {
    /// The text that Python's `str` makes of it.
    Text,
    /// JSON.
    #[default]
    Json,
}

impl ReplyForm {
    /// Returns its name, one lower-case word.
    pub fn as_str(self) -> &'static str {
        match self {
            ReplyForm::Text => "text",
            ReplyForm::Json => "json",
        }
    }

    /// Returns the media type of such a reply.
    pub fn content_type(self) -> &'static str {
        match self {
            ReplyForm::Text => "text/plain; charset=utf-8",
            ReplyForm::Json => "application/json",
        }
    }
}

/// When an upstream is spoken to in HTTP/2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Http2 {
    /// Over TLS where the server wants it, and never in the clear.
    #[default]
    Auto,
    /// Always.
    PriorKnowledge,
    /// Never.
    Off,
}

impl Http2 {
    const WORDS: [(&'static str, Self); 3] =
        [("auto", Self::Auto), ("prior-knowledge", Self::PriorKnowledge), ("off", Self::Off)];
}

impl Element for Http2 {
    fn wanted() -> String {
        words(&Self::WORDS)
    }

    fn schema() -> Value {
        one_of_words(&Self::WORDS)
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        read_word(text, &Self::WORDS)
    }
}

const ON_DISCONNECT: [(&str, OnDisconnect); 2] =
    [("cancel", OnDisconnect::Cancel), ("finish", OnDisconnect::Finish)];

impl ReplyForm {
    const WORDS: [(&'static str, Self); 2] = [("text", Self::Text), ("json", Self::Json)];
}

impl Element for OnDisconnect {
    fn wanted() -> String {
        words(&ON_DISCONNECT)
    }

    fn schema() -> Value {
        one_of_words(&ON_DISCONNECT)
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        read_word(text, &ON_DISCONNECT)
    }
}

impl Element for ReplyForm {
    fn wanted() -> String {
        words(&Self::WORDS)
    }

    fn schema() -> Value {
        one_of_words(&Self::WORDS)
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        read_word(text, &Self::WORDS)
    }
}

/// Returns what `text` stands for in the table; a slip is answered with the nearest word.
pub(crate) fn read_word<T: Clone>(text: &str, table: &[(&'static str, T)]) -> Result<T, Hint> {
    let found = table.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| value.clone()).ok_or_else(|| {
        nearest(text, table.iter().map(|(word, _)| *word))
            .map(|word| Hint::new(format!("did you mean `{word}`?")))
            .unwrap_or_default()
    })
}

/// Returns the schema of one word out of a table.
pub(crate) fn one_of_words<T>(table: &[(&'static str, T)]) -> Value {
    json!({ "enum": table.iter().map(|(word, _)| word).collect::<Vec<_>>() })
}

/// Returns the words of a table as they fit after "wanted".
pub(crate) fn words<T>(table: &[(&'static str, T)]) -> String {
    let words: Vec<String> = table.iter().map(|(word, _)| format!("\"{word}\"")).collect();
    match words.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => words.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_the_table_is_read() {
        assert_eq!(ReplyForm::from_text("text"), Ok(ReplyForm::Text));
        assert_eq!(OnDisconnect::from_text("finish"), Ok(OnDisconnect::Finish));
    }

    #[test]
    fn a_slip_is_answered_with_the_nearest_word() {
        assert_eq!(OnDisconnect::from_text("cancle"), Err(Hint::new("did you mean `cancel`?")));
        assert_eq!(ReplyForm::from_text("xml"), Err(Hint::default()));
    }

    #[test]
    fn the_words_are_listed_with_or() {
        assert_eq!(ReplyForm::wanted(), "\"text\" or \"json\"");
    }
}
