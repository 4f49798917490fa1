//! Every violation of HTTP/1.1 framing, with its message and its status.

use std::fmt;

use http::StatusCode;

/// A violation of HTTP/1.1 framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    BareCr,
    BareLf,
    Method,
    Target,
    Version,
    FieldName,
    FieldWithoutColon,
    SpaceBeforeColon,
    FoldedField,
    ControlCharacter,
    MissingHost,
    RepeatedHost,
    Host,
    Length,
    DifferingLengths,
    LengthAndEncoding,
    Encoding,
    EncodingInHttp10,
    ChunkSize,
    ChunkLineTooLong,
    ChunkEnd,
    FramingTrailer,
    TooManyFields,
    HeadTooLarge,
}

impl Violation {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::TooManyFields | Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::BareCr => "a CR that no LF follows; lines end with CR LF",
            Self::BareLf => "a line that ends with LF alone; lines end with CR LF",
            Self::Method => "a request line that does not begin with a method and one space",
            Self::Target => {
                "a request target that is no path, no URL (or `*` or host:port where the method takes those), or has a character in it that must be escaped"
            }
            Self::Version => {
                "a request line that does not end with one space and HTTP/1.1 or HTTP/1.0"
            }
            Self::FieldName => "a header field whose name is empty or not a token",
            Self::FieldWithoutColon => "a header field without a colon",
            Self::SpaceBeforeColon => "whitespace between a header field's name and its colon",
            Self::FoldedField => "a header line that begins with whitespace",
            Self::ControlCharacter => "a control character in a header field or chunk extension",
            Self::MissingHost => "no Host field; HTTP/1.1 requires exactly one",
            Self::RepeatedHost => "more than one Host field",
            Self::Host => "a Host field that is not a host with an optional port",
            Self::Length => "a Content-Length that is not a plain decimal number",
            Self::DifferingLengths => "Content-Length fields that differ",
            Self::LengthAndEncoding => "both Content-Length and Transfer-Encoding",
            Self::Encoding => "a Transfer-Encoding other than exactly one `chunked`",
            Self::EncodingInHttp10 => "Transfer-Encoding in an HTTP/1.0 request",
            Self::ChunkSize => "a chunk size that is not a hexadecimal number of up to 15 digits",
            Self::ChunkLineTooLong => "chunk extensions that are too long",
            Self::ChunkEnd => "a chunk that is longer than its size says",
            Self::FramingTrailer => {
                "a trailer field that belongs in the head: Host, Content-Length or Transfer-Encoding"
            }
            Self::TooManyFields => "more than 100 header fields",
            Self::HeadTooLarge => "a request head or trailer section above the size limit",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

impl std::error::Error for Violation {}
