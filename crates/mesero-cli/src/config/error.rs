//! What is wrong with a configuration, and how a person reads it: the file, the line, the place underlined.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// A configuration that was refused, with all that is wrong with it.
#[derive(Debug)]
pub(crate) struct ConfigError {
    source: Option<Source>,
    problems: Vec<Problem>,
}

/// The text that the places of the problems refer to.
#[derive(Debug)]
struct Source {
    origin: String,
    text: String,
}

impl ConfigError {
    /// Makes an error about places in `text`, which came from `origin`.
    pub(super) fn in_text(origin: String, text: String, problems: Vec<Problem>) -> Self {
        Self { source: Some(Source { origin, text }), problems }
    }

    /// Makes an error about a text that could not be had at all.
    pub(super) fn without_text(problem: Problem) -> Self {
        Self { source: None, problems: vec![problem] }
    }

    /// Returns the message for a person, over several lines and without a line end at its end.
    pub(crate) fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let messages: Vec<String> = self
            .problems
            .iter()
            .map(|problem| renderer.render(&[problem.group(self.source.as_ref())]))
            .collect();
        messages.join("\n\n")
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

impl std::error::Error for ConfigError {}

/// One thing that is wrong.
#[derive(Debug)]
pub(super) struct Problem {
    title: String,
    /// The first is where the mistake is, the others are what it collides with.
    marks: Vec<Mark>,
    help: Option<String>,
}

#[derive(Debug)]
struct Mark {
    span: Range<usize>,
    label: String,
}

impl Problem {
    /// Makes a problem that has no place in a text.
    pub(super) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), marks: Vec::new(), help: None }
    }

    /// Adds a place; the first one is the place of the mistake itself.
    pub(super) fn at(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.marks.push(Mark { span, label: label.into() });
        self
    }

    /// Adds the next step for the reader.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Returns where the mistake starts, to sort by.
    pub(super) fn place(&self) -> usize {
        self.marks.first().map_or(0, |mark| mark.span.start)
    }

    fn group<'a>(&'a self, source: Option<&'a Source>) -> Group<'a> {
        let mut group = Group::with_title(Level::ERROR.primary_title(&self.title));
        if let Some(source) = source
            && !self.marks.is_empty()
        {
            let kinds = std::iter::once(AnnotationKind::Primary)
                .chain(std::iter::repeat(AnnotationKind::Context));
            let annotations = self
                .marks
                .iter()
                .zip(kinds)
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
