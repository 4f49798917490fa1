//! A route in one word: `/squares/{num:float}?digits={digits:int?}`.

use std::ops::Range;

use toml::Spanned;

use crate::elements::argument::{ArgumentSource, ArgumentText, kind};
use crate::elements::element::{Element, Setting};
use crate::elements::python_target::is_identifier;
use crate::elements::route_path::RoutePath;
use crate::error::ConfigProblem;
use crate::file::raw;

/// Reads a template that starts at `start` of the text that problems show.
///
/// A placeholder is `{NAME}`, `{NAME:TYPE}` or `{NAME:TYPE?}`; the type is `str` unless written. In the path it is
/// a whole segment, in the query it is the value of a parameter.
pub(crate) fn route(template: &str, start: usize) -> Result<raw::Route, ConfigProblem> {
    let mut reader = Reader { template, start, args: raw::NamedTable::new() };
    let query_start = question_mark(template).unwrap_or(template.len());
    let path = reader.path(0..query_start)?;
    if query_start < template.len() {
        reader.query(query_start + 1)?;
    }
    let args = Some(Spanned::new(start..start + template.len(), reader.args));
    Ok(raw::Route { path: Some(path), args, ..raw::Route::default() })
}

/// Returns where the query starts: at the first question mark that is not part of a placeholder's type.
fn question_mark(template: &str) -> Option<usize> {
    let mut in_braces = false;
    template.char_indices().find_map(|(index, letter)| {
        in_braces = letter == '{' || in_braces && letter != '}';
        (letter == '?' && !in_braces).then_some(index)
    })
}

struct Reader<'a> {
    template: &'a str,
    start: usize,
    args: raw::NamedTable<Setting<ArgumentText>>,
}

impl<'a> Reader<'a> {
    /// Reads the path; the types of its placeholders go to the arguments, so that a plain path remains.
    fn path(&mut self, range: Range<usize>) -> Result<Setting<RoutePath>, ConfigProblem> {
        let mut segments = Vec::new();
        let mut offset = range.start;
        for segment in self.slice(range.clone()).split('/') {
            let place = offset..offset + segment.len();
            offset = place.end + 1;
            if segment.starts_with('{') && segment.ends_with('}') {
                let name = self.placeholder(place, ArgumentSource::Path, None)?;
                segments.push(format!("{{{name}}}"));
            } else {
                segments.push(segment.to_owned());
            }
        }
        let span = self.span(range);
        let value = RoutePath::from_text(&segments.join("/")).map_err(|hint| {
            let label = format!("expected {}", RoutePath::expected());
            self.problem(span.clone(), hint.text().unwrap_or(&label))
        })?;
        Ok(Setting { value, span })
    }

    fn query(&mut self, start: usize) -> Result<(), ConfigProblem> {
        let mut offset = start;
        for pair in self.slice(start..self.template.len()).split('&') {
            let place = offset..offset + pair.len();
            offset = place.end + 1;
            let Some((key, value)) = pair.split_once('=').filter(|(key, _)| !key.is_empty()) else {
                return Err(self.problem(self.span(place), "expected KEY={NAME:TYPE}"));
            };
            let value_place = place.start + key.len() + 1..place.end;
            if !(value.starts_with('{') && value.ends_with('}')) {
                let label = "expected a placeholder such as {num:float}";
                return Err(self.problem(self.span(value_place), label));
            }
            self.placeholder(value_place, ArgumentSource::Query, Some(key))?;
        }
        Ok(())
    }

    /// Reads `{NAME:TYPE?}` at `place` into an argument; returns its name.
    fn placeholder(
        &mut self,
        place: Range<usize>,
        source: ArgumentSource,
        key: Option<&str>,
    ) -> Result<String, ConfigProblem> {
        let inner = place.start + 1..place.end - 1;
        let text = self.slice(inner.clone());
        let (name, kind_text) = text.split_once(':').unwrap_or((text, "str"));
        let name_place = self.span(inner.start..inner.start + name.len());
        if !is_identifier(name) {
            return Err(self.problem(name_place, &format!("`{name}` cannot name an argument")));
        }
        let (kind, required) = kind(kind_text).map_err(|hint| {
            let place = self.span(inner.start + name.len() + 1..inner.end);
            self.problem(place, hint.text().unwrap_or("this is not a type"))
        })?;
        let argument = ArgumentText { source, key: key.map(str::to_owned), kind, required };
        let setting = Setting { value: argument, span: self.span(place) };
        let earlier = self.args.insert(Spanned::new(name_place.clone(), name.to_owned()), setting);
        match earlier {
            Some(_) => Err(self.problem(name_place, &format!("`{name}` occurs twice"))),
            None => Ok(name.to_owned()),
        }
    }

    fn slice(&self, range: Range<usize>) -> &'a str {
        self.template.get(range).unwrap_or_default()
    }

    fn span(&self, range: Range<usize>) -> Range<usize> {
        self.start + range.start..self.start + range.end
    }

    fn problem(&self, span: Range<usize>, label: &str) -> ConfigProblem {
        ConfigProblem::new("invalid route template").at(span, label)
    }
}
