//! The path of a route: literal segments, `{name}` segments that match any one segment, and at the end perhaps
//! `{*name}`, which matches all the rest.

use serde_json::{Value, json};

use crate::elements::element::{Element, Hint};
use crate::elements::python_target::is_identifier;

/// A path that a request's path is matched with, segment by segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoutePath(String);

impl RoutePath {
    /// Returns the path as it was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the names of the `{name}` segments, in their order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter_map(name)
    }

    /// Returns the path without the names: two paths that match the same requests have the same shape.
    pub(crate) fn shape(&self) -> String {
        let segments: Vec<&str> = self
            .0
            .split('/')
            .map(|segment| match name(segment) {
                Some(_) if is_rest(segment) => "{*}",
                Some(_) => "{}",
                None => segment,
            })
            .collect();
        segments.join("/")
    }
}

fn name(segment: &str) -> Option<&str> {
    let inner = segment.strip_prefix('{')?.strip_suffix('}')?;
    Some(inner.strip_prefix('*').unwrap_or(inner))
}

fn is_rest(segment: &str) -> bool {
    segment.starts_with("{*")
}

impl Element for RoutePath {
    fn expected() -> String {
        "a path such as \"/squares/{num}\"".to_owned()
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^/" })
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        let inner = text.strip_prefix('/').ok_or_else(|| Hint::new("it starts with `/`"))?;
        let mut names = Vec::new();
        let mut segments = inner.split('/').peekable();
        while let Some(segment) = segments.next() {
            // Only the last segment may be empty: that is a path that ends with a slash, or the root.
            if segment.is_empty() && segments.peek().is_some() {
                return Err(Hint::new("it has an empty segment"));
            }
            if is_rest(segment) && segments.peek().is_some() {
                return Err(Hint::new(format!(
                    "`{segment}` matches the rest of the path, so it must be last"
                )));
            }
            match name(segment) {
                Some(name) if names.contains(&name) => {
                    return Err(Hint::new(format!("`{{{name}}}` occurs twice")));
                }
                Some(name) if is_identifier(name) => names.push(name),
                Some(name) => return Err(Hint::new(format!("`{name}` cannot name an argument"))),
                None => literal(segment)?,
            }
        }
        Ok(Self(text.to_owned()))
    }
}

/// Checks a literal segment: characters that a request line can contain, and no brace.
fn literal(segment: &str) -> Result<(), Hint> {
    match segment
        .chars()
        .find(|letter| !letter.is_ascii_graphic() || "{}?#\"<>\\^`|".contains(*letter))
    {
        None if segment == "." || segment == ".." => {
            Err(Hint::new(format!("clients resolve `{segment}` before they send a path")))
        }
        None => Ok(()),
        Some('{' | '}') => Err(Hint::new("a name in braces is a whole segment")),
        Some('?') => Err(Hint::new("the query is not part of the path; see `args`")),
        Some(letter) => Err(Hint::new(format!("{letter:?} must be percent-encoded in a path"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_gives_its_names_and_its_shape() {
        let path = RoutePath::from_text("/users/{user}/posts/{post}").unwrap();
        assert_eq!(path.names().collect::<Vec<_>>(), ["user", "post"]);
        assert_eq!(path.shape(), "/users/{}/posts/{}");
    }

    #[test]
    fn the_last_segment_can_take_all_the_rest() {
        let path = RoutePath::from_text("/api/{*rest}").unwrap();
        assert_eq!(path.names().collect::<Vec<_>>(), ["rest"]);
        assert_eq!(path.shape(), "/api/{*}");
        assert!(RoutePath::from_text("/{*rest}/api").is_err());
        assert!(RoutePath::from_text("/{*}").is_err());
    }

    #[test]
    fn the_root_and_a_last_slash_are_allowed() {
        for text in ["/", "/a/", "/a.b/~c/%20/@x:y"] {
            assert!(RoutePath::from_text(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let bad = [
            "", "a", "//", "/a//b", "/{}", "/{a-b}", "/{a}{b}", "/x{a}", "/{a}/{a}", "/a?b",
            "/a b", "/ñ", "/a/..", "/a}",
        ];
        for text in bad {
            assert!(RoutePath::from_text(text).is_err(), "{text}");
        }
    }
}
