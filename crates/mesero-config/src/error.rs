//! Errors of a configuration, as a person reads them: the file, the line, the place underlined.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use mesero_terminal::command_error::CommandError;
use mesero_terminal::output::color_is_welcome;

/// A configuration that was rejected, with all its problems.
#[derive(Debug)]
pub struct ConfigError {
    /// In the order of their numbers, which the places of the problems refer to.
    sources: Vec<SourceText>,
    problems: Vec<ConfigProblem>,
}

/// A text, and the name of its origin.
#[derive(Debug)]
pub(crate) struct SourceText {
    pub(crate) origin: String,
    pub(crate) text: String,
}

impl ConfigError {
    /// Makes an error about places in `sources`.
    pub(crate) fn in_texts(sources: Vec<SourceText>, problems: Vec<ConfigProblem>) -> Self {
        Self { sources, problems }
    }

    /// Makes an error about a text that could not be read at all.
    pub(crate) fn without_text(problem: ConfigProblem) -> Self {
        Self { sources: Vec::new(), problems: vec![problem] }
    }

    /// Returns the message for a person, with several lines and no line end after the last.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let messages: Vec<String> = self
            .problems
            .iter()
            .map(|problem| renderer.render(&[problem.group(&self.sources)]))
            .collect();
        messages.join("\n\n")
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        CommandError::new(error.render(color_is_welcome()))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

impl std::error::Error for ConfigError {}

/// One problem of a configuration.
#[derive(Debug)]
pub(crate) struct ConfigProblem {
    title: String,
    /// The first is the place of the mistake, the others are what it conflicts with.
    marks: Vec<Mark>,
    help: Option<String>,
}

#[derive(Debug)]
struct Mark {
    /// The number of the text; none for the text that is being checked.
    file: Option<usize>,
    span: Range<usize>,
    label: String,
}

impl Mark {
    fn file(&self) -> usize {
        self.file.unwrap_or_default()
    }
}

impl ConfigProblem {
    /// Makes a problem that has no place in a text.
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), marks: Vec::new(), help: None }
    }

    /// Adds a place in the text that is being checked; the first place is that of the mistake itself.
    pub(crate) fn at(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.marks.push(Mark { file: None, span, label: label.into() });
        self
    }

    /// Adds a place in the text of this number.
    pub(crate) fn at_in(
        mut self,
        file: usize,
        span: Range<usize>,
        label: impl Into<String>,
    ) -> Self {
        self.marks.push(Mark { file: Some(file), span, label: label.into() });
        self
    }

    /// Sets the text of the places that were added without one.
    pub(crate) fn in_file(mut self, file: usize) -> Self {
        for mark in &mut self.marks {
            mark.file.get_or_insert(file);
        }
        self
    }

    /// Adds the next step for the reader.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Returns the start of the mistake, to sort by.
    pub(crate) fn place(&self) -> (usize, usize) {
        self.marks.first().map_or((0, 0), |mark| (mark.file(), mark.span.start))
    }

    fn group<'a>(&'a self, sources: &'a [SourceText]) -> Group<'a> {
        let mut group = Group::with_title(Level::ERROR.primary_title(&self.title));
        let mut files: Vec<usize> = Vec::new();
        for file in self.marks.iter().map(Mark::file) {
            if !files.contains(&file) {
                files.push(file);
            }
        }
        for (file, source) in files.into_iter().filter_map(|file| Some((file, sources.get(file)?)))
        {
            let kinds = std::iter::once(AnnotationKind::Primary)
                .chain(std::iter::repeat(AnnotationKind::Context));
            let annotations = self
                .marks
                .iter()
                .zip(kinds)
                .filter(|(mark, _)| mark.file() == file)
                .map(|(mark, kind)| kind.span(mark.span.clone()).label(&mark.label));
            group = group.element(
                Snippet::source(&source.text).path(&source.origin).annotations(annotations),
            );
        }
        match &self.help {
            Some(help) => group.element(Level::HELP.message(help)),
            None => group,
        }
    }
}
