//! A text with placeholders: `{name}`; `{{` and `}}` are braces.

use std::ops::Range;

/// The name of the place `{}`.
pub const WHOLE: &str = "{}";

/// A text with places that are filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Name { name: String, place: Range<usize> },
}

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// To be kept as it is.
    Text(&'a str),
    /// To be replaced by the value of this name.
    Name(&'a str),
}

/// A mistake in a template, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) place: Range<usize>,
    pub(crate) what: String,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// If a brace is unmatched, or there is something else than a name between two of them.
    pub(crate) fn parse(text: &str) -> Result<Self, Mistake> {
        let (mut pieces, mut plain, mut at) = (Vec::new(), String::new(), 0);
        while let Some(next) = text[at..].chars().next() {
            let rest = &text[at + next.len_utf8()..];
            let mistake = |length, what| Err(Mistake { place: at..at + length, what });
            match next {
                '{' | '}' if rest.starts_with(next) => {
                    plain.push(next);
                    at += 2;
                }
                '{' => {
                    let Some(name) = rest.split_once('}').map(|(name, _)| name) else {
                        return mistake(1, "there is no `}` after it".to_owned());
                    };
                    if !is_name(name) {
                        return mistake(name.len() + 2, format!("`{name}` is not a valid name"));
                    }
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    let end = at + name.len() + 2;
                    pieces.push(Piece::Name { name: name.to_owned(), place: at..end });
                    at = end;
                }
                '}' => return mistake(1, "there is no `{` before it".to_owned()),
                _ => {
                    plain.push(next);
                    at += next.len_utf8();
                }
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }

    /// Reads a text in which most braces are literal, as in JSON or in a script: only `{name}` and `{}`, whose name is
    /// [`WHOLE`], are placeholders, and doubled braces around one of these are literal single ones.
    pub fn parse_loosely(text: &str) -> Self {
        let (mut pieces, mut plain, mut at) = (Vec::new(), String::new(), 0);
        while let Some(open) = text[at..].find('{').map(|offset| at + offset) {
            plain.push_str(&text[at..open]);
            let inner = &text[open + 1..];
            let (inner, doubled) = match inner.strip_prefix('{') {
                Some(inner) => (inner, true),
                None => (inner, false),
            };
            let name = inner.split_once('}').map(|(name, _)| name);
            let name = name.filter(|name| name.is_empty() || is_name(name));
            let closed = |name: &str| inner[name.len()..].starts_with("}}");
            match name {
                Some(name) if doubled && closed(name) => {
                    plain.push_str(&text[open + 1..open + name.len() + 3]);
                    at = open + name.len() + 4;
                }
                Some(name) if !doubled => {
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    at = open + name.len() + 2;
                    let name = if name.is_empty() { WHOLE } else { name }.to_owned();
                    pieces.push(Piece::Name { name, place: open..at });
                }
                _ => {
                    plain.push('{');
                    at = open + 1;
                }
            }
        }
        plain.push_str(&text[at..]);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Self(pieces)
    }

    /// Its parts, in order.
    pub fn pieces(&self) -> impl Iterator<Item = Part<'_>> {
        self.0.iter().map(|piece| match piece {
            Piece::Text(text) => Part::Text(text),
            Piece::Name { name, .. } => Part::Name(name),
        })
    }

    /// A template that is one place.
    pub fn whole() -> Self {
        Self(vec![Piece::Name { name: WHOLE.to_owned(), place: 0..WHOLE.len() }])
    }

    /// The names in it, each with the place of its braces.
    pub fn names(&self) -> impl Iterator<Item = (&str, Range<usize>)> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Name { name, place } => Some((name.as_str(), place.clone())),
        })
    }

    /// The text with each name replaced by its value; the first name that has none, else.
    pub fn fill<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> Result<String, String> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Name { name, .. } => {
                    filled.push_str(value(name).ok_or_else(|| name.clone())?);
                }
            }
        }
        Ok(filled)
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|letter: char| letter.is_ascii_digit())
        && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(text: &str) -> Result<String, String> {
        let values = [("a", "x y"), ("año", "{a}")];
        let value =
            |expected: &str| values.iter().find(|(name, _)| *name == expected).map(|(_, v)| *v);
        Template::parse(text).map_err(|mistake| mistake.what)?.fill(value)
    }

    #[test]
    fn names_are_replaced_wherever_they_stand_and_values_are_not_read_again() {
        assert_eq!(filled("--to={a}!{año}").unwrap(), "--to=x y!{a}");
        assert_eq!(filled("").unwrap(), "");
    }

    #[test]
    fn doubled_braces_stand_for_braces() {
        assert_eq!(filled("{{a}} {{{a}}}").unwrap(), "{a} {x y}");
    }

    #[test]
    fn a_name_without_a_value_is_named() {
        assert_eq!(filled("{a}{b}"), Err("b".to_owned()));
    }

    #[test]
    fn a_mistake_has_its_place() {
        for (text, place) in
            [("ab{c", 2..3), ("ab}", 2..3), ("ñ{}", 2..4), ("{a b}", 0..5), ("{1}", 0..3)]
        {
            assert_eq!(Template::parse(text).unwrap_err().place, place, "{text}");
        }
    }

    #[test]
    fn read_loosely_only_names_and_the_empty_name_are_places() {
        let filled = |text: &str| {
            let value = |name: &str| Some(if name == WHOLE { "all" } else { "x" });
            Template::parse_loosely(text).fill(value).unwrap()
        };
        assert_eq!(filled(r#"{"a": {"b": {num}}}"#), r#"{"a": {"b": x}}"#);
        assert_eq!(filled("{}-{a}{año}-"), "all-xx-");
        assert_eq!(filled("{{}} {{a}} {{{a}}}"), "{} {a} {{a}}");
        assert_eq!(filled("{print $1} {1} { {a b} }"), "{print $1} {1} { {a b} }");
        assert_eq!(filled("{{a} {"), "{x {");
    }

    proptest! {
        #[test]
        fn any_text_comes_out_as_it_went_in_once_its_braces_are_doubled(text in ".{0,40}|[{}]{0,9}") {
            let doubled = text.replace('{', "{{").replace('}', "}}");
            prop_assert_eq!(filled(&doubled), Ok(text));
        }
    }
}
