//! A part of a request whose text says something about the call: `header.NAME`, `query.NAME`, `path.NAME`.

use http::HeaderName;
use serde_json::{Value, json};

use crate::elements::element::{Element, Hint};
use crate::elements::word::Word;

/// A part of a request, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestPart {
    /// A header field.
    Header(HeaderName),
    /// A parameter of the query string.
    Query(String),
    /// A `{name}` segment of the route's path.
    Path(String),
}

/// The source of a call's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    Part(RequestPart),
    /// The client's address.
    Client,
}

/// The property of calls by which their run times are forecast.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ForecastBy {
    /// The route.
    #[default]
    Route,
    Source(KeySource),
}

/// The parts that can be named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PartWord {
    Header,
    Query,
    Path,
}

impl Word for PartWord {
    const WORDS: &'static [(&'static str, Self)] =
        &[("header", Self::Header), ("query", Self::Query), ("path", Self::Path)];
}

impl KeySource {
    /// Returns the name of the path segment that it is taken from.
    pub(crate) fn segment(&self) -> Option<&str> {
        match self {
            Self::Part(part) => part.segment(),
            Self::Client => None,
        }
    }
}

impl RequestPart {
    /// Returns the name of the path segment that it is.
    pub(crate) fn segment(&self) -> Option<&str> {
        match self {
            Self::Path(name) => Some(name),
            Self::Header(_) | Self::Query(_) => None,
        }
    }
}

impl Element for RequestPart {
    fn expected() -> String {
        "\"header.NAME\", \"query.NAME\" or \"path.NAME\"".to_owned()
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": r"^(header|query|path)\..+$" })
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        let (word, name) = text.split_once('.').unwrap_or((text, ""));
        let part = PartWord::from_text(word)?;
        if name.is_empty() {
            return Err(Hint::new("the name after the dot is missing"));
        }
        Ok(match part {
            PartWord::Header => Self::Header(
                HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes())
                    .map_err(|_| Hint::new(format!("`{name}` cannot name a header field")))?,
            ),
            PartWord::Query => Self::Query(name.to_owned()),
            PartWord::Path => Self::Path(name.to_owned()),
        })
    }
}

impl Element for KeySource {
    fn expected() -> String {
        "\"header.NAME\", \"query.NAME\", \"path.NAME\" or \"client\"".to_owned()
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": r"^((header|query|path)\..+|client)$" })
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        if text == "client" {
            Ok(Self::Client)
        } else {
            RequestPart::from_text(text).map(Self::Part)
        }
    }
}

impl Element for ForecastBy {
    fn expected() -> String {
        format!("\"route\", {}", KeySource::expected())
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": r"^((header|query|path)\..+|client|route)$" })
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        if text == "route" { Ok(Self::Route) } else { KeySource::from_text(text).map(Self::Source) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_and_the_name_inside_it_are_read() {
        let header = RequestPart::Header(HeaderName::from_static("x-api-key"));
        assert_eq!(KeySource::from_text("header.X-Api-Key"), Ok(KeySource::Part(header)));
        assert_eq!(RequestPart::from_text("query.a.b"), Ok(RequestPart::Query("a.b".to_owned())));
        assert_eq!(KeySource::from_text("path.user").unwrap().segment(), Some("user"));
        assert_eq!(KeySource::from_text("client"), Ok(KeySource::Client));
        assert_eq!(ForecastBy::from_text("route"), Ok(ForecastBy::Route));
        assert_eq!(ForecastBy::from_text("client"), Ok(ForecastBy::Source(KeySource::Client)));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "header", "header.", "header.a b", "body.user", "route", "Client"] {
            assert!(KeySource::from_text(text).is_err(), "{text}");
        }
        assert!(RequestPart::from_text("client").is_err());
    }

    #[test]
    fn a_misspelled_source_is_answered_with_the_nearest() {
        let hint = Err(Hint::new("did you mean `header`?"));
        assert_eq!(KeySource::from_text("headr.x-user"), hint);
    }
}
