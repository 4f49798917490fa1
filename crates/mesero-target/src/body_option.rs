//! A body as the command line gives it: a text, or `@` and the file that has it.

use mesero_config::template::Template;

use super::body::BodyTemplate;

/// What was asked for as a body.
#[derive(Debug, Clone, Copy)]
pub enum BodyOption<'a> {
    Nothing,
    /// `@FILE` is a file without its line ends.
    Data(&'a str),
    /// It is the body, whatever it begins with.
    Raw(&'a str),
    /// `@FILE` is a file as it is.
    Binary(&'a str),
    /// As that, and what is put into it stays JSON.
    Json(&'a str),
}

impl BodyOption<'_> {
    /// The flag, if there was one.
    pub(super) fn flag(self) -> Option<&'static str> {
        Some(match self {
            Self::Nothing => return None,
            Self::Data(_) => "-d",
            Self::Raw(_) => "--data-raw",
            Self::Binary(_) => "--data-binary",
            Self::Json(_) => "--json",
        })
    }

    /// The body, and the text that it is made of.
    ///
    /// # Errors
    /// If its file cannot be read; reads on after "failed to".
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
                "read the body of `{flag}` from standard input: it is for items; wanted the name of a file"
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
                "read the body of `{flag}` from `{path}`: byte {at} is no UTF-8, and a body that items are put into is a \
                 text"
            )
        })?;
        if let Self::Data(_) = self {
            // As curl does: a form has no line ends.
            text.retain(|character| !matches!(character, '\r' | '\n' | '\0'));
        }
        Ok(Some(text))
    }
}
