//! Encoding of a function's value as a reply's body.

use crate::elements::word::Word;

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
        self.word()
    }

    /// Returns the media type of such a reply.
    pub fn content_type(self) -> &'static str {
        match self {
            ReplyForm::Text => "text/plain; charset=utf-8",
            ReplyForm::Json => "application/json",
        }
    }
}

impl Word for ReplyForm {
    const WORDS: &'static [(&'static str, Self)] = &[("text", Self::Text), ("json", Self::Json)];
}
