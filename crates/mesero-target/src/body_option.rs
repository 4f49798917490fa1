//! The body on the command line: a text, or `@` and the name of a file.

use mesero_config::template::Template;

use crate::body::BodyTemplate;

/// The option that sets the body.
#[derive(Debug, Clone, Copy)]
pub enum BodyOption<'a> {
    /// There is no body.
    Nothing,
    /// `-d`: a text, or with `@FILE` a file without its line ends.
    Data(&'a str),
    /// `--data-raw`: a text, even if it begins with `@`.
    Raw(&'a str),
    /// `--data-binary`: a text, or with `@FILE` an unchanged file.
    Binary(&'a str),
    /// `--json`: the same, and values are inserted as JSON.
    Json(&'a str),
}

impl BodyOption<'_> {
    /// The name of the option, if there is one.
    pub(super) fn flag(self) -> Option<&'static str> {
        Some(match self {
            Self::Nothing => return None,
            Self::Data(_) => "-d",
            Self::Raw(_) => "--data-raw",
            Self::Binary(_) => "--data-binary",
            Self::Json(_) => "--json",
        })
    }

    /// Reads the body, and returns it with its text.
    ///
    /// # Errors
    /// If its file cannot be read; a fragment that follows "failed to".
    pub(super) fn read(self) -> Result<Option<(BodyTemplate, String)>, String> {
        let text = match self {
            Self::Nothing => return Ok(None),
            Self::Raw(text) => text.to_owned(),
            Self::Data(text) | Self::Binary(text) | Self::Json(text) => {
                self.in_file(text)?.unwrap_or_else(|| text.to_owned())
            }
        };
        let template = Template::parse_loosely(&text);
        let body = match self {
            Self::Json(_) => BodyTemplate::json(template)?,
            _ => BodyTemplate::Text(template),
        };
        Ok(Some((body, text)))
    }

    fn in_file(self, text: &str) -> Result<Option<String>, String> {
        let Some(path) = text.strip_prefix('@') else { return Ok(None) };
        let flag = self.flag().unwrap_or_default();
        if path == "-" {
            return Err(format!(
                "read the body of `{flag}` from standard input: it is the input of items; name a file instead"
            ));
        }
        let bytes = std::fs::read(path).map_err(|error| {
            format!(
                "read the body of `{flag}` from `{path}`: {error}; to send a body that begins with `@`, use `--data-raw`"
            )
        })?;
        let mut text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            format!(
                "read the body of `{flag}` from `{path}`: byte {at} is not UTF-8, and a body with \
                 placeholders is a text"
            )
        })?;
        if let Self::Data(_) = self {
            // As curl does: a form has no line ends.
            text.retain(|character| !matches!(character, '\r' | '\n' | '\0'));
        }
        Ok(Some(text))
    }
}
