//! HTML and SVG elements that escape all text.

use std::fmt::{self, Display, Write};

use mesero_terminal::output::visible;

/// An element with its attributes and children.
///
/// Names come from the program; texts and values may come from anywhere, and are escaped when written. Invisible
/// characters, which could reverse a line, are shown as escapes.
#[derive(Debug, Clone)]
pub(crate) struct MarkupElement {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<MarkupChild>,
}

#[derive(Debug, Clone)]
enum MarkupChild {
    MarkupElement(MarkupElement),
    Text(String),
    /// Text of the program, as in `<style>`, where nothing can be escaped.
    Own(&'static str),
}

/// An empty element.
pub(crate) fn element(name: &'static str) -> MarkupElement {
    MarkupElement { name, attributes: Vec::new(), children: Vec::new() }
}

/// A coordinate, to a tenth of a pixel.
pub(crate) fn place(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    // Not -0.
    format!("{}", rounded + 0.0)
}

impl MarkupElement {
    pub(crate) fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.attributes.push((name, value.to_string()));
        self
    }

    /// Adds an attribute that is a length.
    pub(crate) fn at(self, name: &'static str, value: f64) -> Self {
        self.with(name, place(value))
    }

    pub(crate) fn text(mut self, text: impl Display) -> Self {
        self.children.push(MarkupChild::Text(text.to_string()));
        self
    }

    pub(crate) fn put(mut self, child: MarkupElement) -> Self {
        self.children.push(MarkupChild::MarkupElement(child));
        self
    }

    pub(crate) fn all(mut self, children: impl IntoIterator<Item = MarkupElement>) -> Self {
        self.children.extend(children.into_iter().map(MarkupChild::MarkupElement));
        self
    }

    pub(crate) fn own(mut self, text: &'static str) -> Self {
        self.children.push(MarkupChild::Own(text));
        self
    }

    /// HTML elements without an end tag.
    fn is_void(&self) -> bool {
        matches!(self.name, "meta" | "br")
    }
}

impl Display for MarkupElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}", self.name)?;
        for (name, value) in &self.attributes {
            write!(f, " {name}=\"")?;
            escaped(f, value)?;
            f.write_char('"')?;
        }
        f.write_char('>')?;
        for child in &self.children {
            match child {
                MarkupChild::MarkupElement(element) => element.fmt(f)?,
                MarkupChild::Text(text) => escaped(f, text)?,
                MarkupChild::Own(text) => f.write_str(text)?,
            }
        }
        if self.is_void() { Ok(()) } else { write!(f, "</{}>", self.name) }
    }
}

/// Escapes the text of an element, or a value in double quotes.
fn escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for character in text.chars().flat_map(visible) {
        match character {
            '&' => f.write_str("&amp;")?,
            '<' => f.write_str("&lt;")?,
            '>' => f.write_str("&gt;")?,
            '"' => f.write_str("&quot;")?,
            '\'' => f.write_str("&#39;")?,
            _ => f.write_char(character)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_and_no_value_can_be_taken_for_markup() {
        let hostile = "</title><script>alert('1')</script>\" onload=\"x&\u{202e}\0";
        let written = element("p").with("title", hostile).text(hostile).to_string();
        let safe = "&lt;/title&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot; \
                    onload=&quot;x&amp;\\u{202e}\\u{0}";
        assert_eq!(written, format!("<p title=\"{safe}\">{safe}</p>"));
    }

    #[test]
    fn a_place_is_told_to_a_tenth_and_without_what_means_nothing() {
        let places = [0.0, -0.01, 1.04, 2.0, 1234.56].map(place);
        assert_eq!(places, ["0", "0", "1", "2", "1234.6"]);
    }

    #[test]
    fn what_has_no_end_is_not_ended() {
        let head = element("head").put(element("meta").with("charset", "utf-8")).own("<!-- -->");
        assert_eq!(head.to_string(), "<head><meta charset=\"utf-8\"><!-- --></head>");
    }
}
