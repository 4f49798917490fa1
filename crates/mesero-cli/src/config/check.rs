//! What every check needs: the text, the folder that relative paths start at, and a place to note problems.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::error::Problem;

/// Collects problems, so that one run reports all of them.
#[derive(Debug)]
pub(super) struct Check<'a> {
    text: &'a str,
    folder: &'a Path,
    problems: Vec<Problem>,
}

impl<'a> Check<'a> {
    pub(super) fn new(text: &'a str, folder: &'a Path) -> Self {
        Self { text, folder, problems: Vec::new() }
    }

    /// Notes a problem; the configuration will be refused.
    pub(super) fn note(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Is `Ok` when nothing was noted; else the problems in the order of their places.
    pub(super) fn finish(mut self) -> Result<(), Vec<Problem>> {
        if self.problems.is_empty() {
            return Ok(());
        }
        self.problems.sort_by_key(Problem::place);
        Err(self.problems)
    }

    /// Returns `written` as seen from the configuration's folder.
    pub(super) fn path(&self, written: &str) -> WrittenPath {
        let shown = self.folder.join(written);
        // It fails only for an empty path or without a current folder; the check that follows then names the path.
        let absolute = std::path::absolute(&shown).unwrap_or_else(|_| shown.clone());
        WrittenPath { shown, absolute }
    }

    /// Returns the place of `part` of a value, when the value at `span` was typed just as it reads.
    ///
    /// A string with escapes has no simple map from its characters to the text; its whole place is returned.
    pub(super) fn inside(
        &self,
        span: Range<usize>,
        value: &str,
        part: Range<usize>,
    ) -> Range<usize> {
        let typed = self.text.get(span.clone()).unwrap_or_default();
        match typed.find(value) {
            Some(offset) if typed.len() - value.len() <= 2 => {
                let start = span.start + offset;
                start + part.start..start + part.end
            }
            _ => span,
        }
    }
}

/// A path from the configuration.
#[derive(Debug)]
pub(super) struct WrittenPath {
    /// For messages: starts at the folder as it was named.
    pub(super) shown: PathBuf,
    /// For use.
    pub(super) absolute: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_plain_string_has_its_own_place() {
        let check = Check::new("path = \"/{num}\"", Path::new(""));
        assert_eq!(check.inside(7..15, "/{num}", 1..6), 9..14);
    }

    #[test]
    fn a_part_of_a_string_with_escapes_has_the_place_of_the_whole() {
        let check = Check::new("path = \"/{n\\u0075m}\"", Path::new(""));
        assert_eq!(check.inside(7..20, "/{num}", 1..6), 7..20);
    }
}
