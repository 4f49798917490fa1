//! Settings that are one word out of a few.

use mesero_terminal::nearest::nearest;
use serde_json::{Value, json};

use crate::elements::element::{Element, Hint};

/// A type whose values are words, the same in a file and on a command line.
pub(crate) trait Word: Clone + PartialEq + 'static {
    /// All values, each with its word.
    const WORDS: &'static [(&'static str, Self)];

    /// Returns the word of this value; empty where it has none.
    fn word(&self) -> &'static str {
        let found = Self::WORDS.iter().find(|(_, value)| value == self);
        found.map_or("", |(word, _)| word)
    }

    /// Returns all values.
    fn all() -> impl Iterator<Item = Self> {
        Self::WORDS.iter().map(|(_, value)| value.clone())
    }
}

impl<T: Word> Element for T {
    fn expected() -> String {
        let words: Vec<String> = T::WORDS.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        match words.split_last() {
            Some((last, others)) if !others.is_empty() => {
                format!("{} or {last}", others.join(", "))
            }
            _ => words.concat(),
        }
    }

    fn schema() -> Value {
        json!({ "enum": T::WORDS.iter().map(|(word, _)| word).collect::<Vec<_>>() })
    }

    /// Returns the value of `text`; the hint of a misspelled word is the nearest word.
    fn from_text(text: &str) -> Result<Self, Hint> {
        let found = T::WORDS.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| value.clone()).ok_or_else(|| {
            nearest(text, T::WORDS.iter().map(|(word, _)| *word))
                .map(|word| Hint::new(format!("did you mean `{word}`?")))
                .unwrap_or_default()
        })
    }
}

#[cfg(test)]
mod tests {
    use mesero::OnDisconnect;

    use super::*;
    use crate::elements::reply_form::ReplyForm;

    #[test]
    fn a_word_of_the_table_is_read() {
        assert_eq!(ReplyForm::from_text("text"), Ok(ReplyForm::Text));
        assert_eq!(OnDisconnect::from_text("finish"), Ok(OnDisconnect::Finish));
    }

    #[test]
    fn a_misspelled_word_is_answered_with_the_nearest_word() {
        assert_eq!(OnDisconnect::from_text("cancle"), Err(Hint::new("did you mean `cancel`?")));
        assert_eq!(ReplyForm::from_text("xml"), Err(Hint::default()));
    }

    #[test]
    fn the_words_are_listed_with_or() {
        assert_eq!(ReplyForm::expected(), "\"text\" or \"json\"");
    }
}
