//! Flags as a text, so that a problem shows the flag that it is in.

use std::ops::Range;

use toml::Spanned;

use crate::elements::element::{Element, Setting};
use crate::error::{ConfigError, ConfigProblem, SourceText};

/// Flags as a text of one line each, which the places of problems refer to.
#[derive(Debug, Default)]
pub(crate) struct FlagText {
    pub(crate) text: String,
    pub(crate) problems: Vec<ConfigProblem>,
}

impl FlagText {
    /// Makes the error of these problems with the flags.
    pub(crate) fn error(self, problems: Vec<ConfigProblem>) -> ConfigError {
        let origin = "command line".to_owned();
        ConfigError::in_texts(vec![SourceText { origin, text: self.text }], problems)
    }

    /// Reads the value of a flag; notes a problem where it cannot be read.
    pub(crate) fn setting<T: Element>(
        &mut self,
        flag: &str,
        word: Option<&String>,
    ) -> Option<Setting<T>> {
        let word = word?;
        let span = self.write(flag, word);
        Setting::from_word(word, span.clone())
            .map_err(|label| {
                self.problems.push(
                    ConfigProblem::new(format!("invalid value for `{flag}`")).at(span, label),
                );
            })
            .ok()
    }

    /// The value of a flag that may be any text.
    pub(crate) fn string(&mut self, flag: &str, word: Option<&String>) -> Option<Spanned<String>> {
        let word = word?;
        Some(Spanned::new(self.write(flag, word), word.clone()))
    }

    /// Adds a line; returns the place of the value in it.
    pub(crate) fn write(&mut self, flag: &str, value: &str) -> Range<usize> {
        self.text.push_str(flag);
        self.text.push(' ');
        let start = self.text.len();
        self.text.push_str(value);
        self.text.push('\n');
        start..start + value.len()
    }
}
