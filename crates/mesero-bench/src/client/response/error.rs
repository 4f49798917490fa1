//! A response that is not HTTP/1.1.

/// The part of a response that is no HTTP/1.1; continues "it answered with".
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MalformedResponse(pub(crate) &'static str);
