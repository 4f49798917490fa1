//! Common state of all checks: the texts, the folders of relative paths, and the problems that are noted.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::error::ConfigProblem;

/// Collects problems, so that one run reports all of them.
#[derive(Debug)]
pub(crate) struct Check<'a> {
    files: Vec<SourceFile<'a>>,
    /// The number of the file that is being checked.
    current: usize,
    problems: Vec<ConfigProblem>,
}

/// A part of the configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SourceFile<'a> {
    pub(crate) text: &'a str,
    /// The folder of its relative paths.
    pub(crate) folder: &'a Path,
}

impl<'a> Check<'a> {
    /// Begins with the first of `files`.
    pub(crate) fn new(files: Vec<SourceFile<'a>>) -> Self {
        Self { files, current: 0, problems: Vec::new() }
    }

    /// Continues with the file of this number: places and paths are its own from then on.
    pub(crate) fn turn_to(&mut self, file: usize) {
        self.current = file;
    }

    /// Returns the number of the file that is being checked.
    pub(crate) fn file(&self) -> usize {
        self.current
    }

    /// Notes a problem; the configuration will be rejected.
    pub(crate) fn note(&mut self, problem: ConfigProblem) {
        self.problems.push(problem.in_file(self.current));
    }

    /// Is `Ok` when nothing was noted; else the problems in the order of their places.
    pub(crate) fn finish(mut self) -> Result<(), Vec<ConfigProblem>> {
        if self.problems.is_empty() {
            return Ok(());
        }
        self.problems.sort_by_key(ConfigProblem::place);
        Err(self.problems)
    }

    /// Returns `written` as seen from the folder of the file.
    pub(crate) fn path(&self, written: &str) -> WrittenPath {
        let folder = self.files.get(self.current).map_or(Path::new(""), |file| file.folder);
        // One `./` says it as well as two.
        let shown = folder.join(written.strip_prefix("./").unwrap_or(written));
        // It fails only for an empty path or without a current folder; the check that follows then names the path.
        let absolute = std::path::absolute(&shown).unwrap_or_else(|_| shown.clone());
        WrittenPath { shown, absolute }
    }

    /// Returns the place of `part` of a value, when the value at `span` was typed just as it reads.
    ///
    /// A string with escapes has no simple map from its characters to the text; its whole place is returned.
    pub(crate) fn inside(
        &self,
        span: Range<usize>,
        value: &str,
        part: Range<usize>,
    ) -> Range<usize> {
        let file = self.files.get(self.current);
        let typed = file.and_then(|file| file.text.get(span.clone())).unwrap_or_default();
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
pub(crate) struct WrittenPath {
    /// For messages: starts at the folder as it was named.
    pub(crate) shown: PathBuf,
    /// For use.
    pub(crate) absolute: PathBuf,
}

impl PartialEq for WrittenPath {
    fn eq(&self, other: &Self) -> bool {
        self.absolute == other.absolute
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Check<'_> {
        Check::new(vec![SourceFile { text, folder: Path::new("") }])
    }

    #[test]
    fn a_part_of_a_plain_string_has_its_own_place() {
        let check = of("path = \"/{num}\"");
        assert_eq!(check.inside(7..15, "/{num}", 1..6), 9..14);
    }

    #[test]
    fn a_part_of_a_string_with_escapes_has_the_place_of_the_whole() {
        let check = of("path = \"/{n\\u0075m}\"");
        assert_eq!(check.inside(7..20, "/{num}", 1..6), 7..20);
    }
}
