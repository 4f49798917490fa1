//! A media type: `"application/json"`, `"text/plain; charset=utf-8"`.

use http::HeaderValue;

use crate::elements::element::{Element, Hint};

/// A media type, as in `Content-Type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MediaType(pub(crate) HeaderValue);

impl Element for MediaType {
    fn expected() -> String {
        "a media type such as \"application/json\"".to_owned()
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        let essence = text.split(';').next().unwrap_or(text).trim_end();
        let is_token = |part: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
            !part.is_empty() && part.bytes().all(allowed)
        };
        match essence.split_once('/') {
            Some((kind, sort)) if is_token(kind) && is_token(sort) => {
                HeaderValue::from_str(text).map(Self).map_err(|_| Hint::default())
            }
            _ => Err(Hint::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_has_two_parts_and_maybe_parameters() {
        for good in ["application/json", "text/plain; charset=utf-8", "image/svg+xml"] {
            assert!(MediaType::from_text(good).is_ok(), "{good}");
        }
        for bad in ["", "json", "/", "text/", "te xt/plain", "text/plain; a=\n"] {
            assert!(MediaType::from_text(bad).is_err(), "{bad}");
        }
    }
}
