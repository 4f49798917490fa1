//! The value of a successful item.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header;
use mesero_resources::Reply;
use serde_json::value::RawValue;

/// The value of a successful item.
#[derive(Debug)]
pub(crate) enum ResultValue {
    Json(Bytes),
    Text(Bytes),
    /// Neither JSON nor UTF-8; encoded as base64 in JSON.
    Bytes(Bytes),
}

impl ResultValue {
    /// The body of a reply that was received completely.
    pub(crate) fn of(reply: Reply) -> Self {
        let media_type = reply.headers().get(header::CONTENT_TYPE).cloned();
        let media_type = media_type.as_ref().and_then(|value| value.to_str().ok());
        let essence = media_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
        let is_json =
            essence.eq_ignore_ascii_case("application/json") || essence.ends_with("+json");
        let bytes = reply.into_body().buffered();
        if is_json && serde_json::from_slice::<&RawValue>(&bytes).is_ok() {
            return Self::Json(bytes);
        }
        match std::str::from_utf8(&bytes) {
            Ok(_) => {
                let end = bytes.strip_suffix(b"\n").map_or(bytes.len(), |text| text.len());
                Self::Text(bytes.slice(..end))
            }
            Err(_) => Self::Bytes(bytes),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Json(bytes) | Self::Text(bytes) | Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// The value as JSON on one line. Line ends in valid JSON are white space between tokens, so blanks may replace
    /// them.
    pub(crate) fn json(&self) -> String {
        match self {
            Self::Json(bytes) => String::from_utf8_lossy(bytes).trim().replace(['\n', '\r'], " "),
            Self::Text(bytes) => {
                serde_json::Value::from(&*String::from_utf8_lossy(bytes)).to_string()
            }
            Self::Bytes(bytes) => serde_json::Value::from(STANDARD.encode(bytes)).to_string(),
        }
    }

    /// The value as plain text: strings without quotes.
    pub(crate) fn display_text(&self) -> Cow<'_, str> {
        match self {
            Self::Json(bytes) => match serde_json::from_slice::<String>(bytes) {
                Ok(text) => Cow::Owned(text),
                Err(_) => Cow::Owned(self.json()),
            },
            Self::Text(bytes) | Self::Bytes(bytes) => String::from_utf8_lossy(bytes),
        }
    }
}
