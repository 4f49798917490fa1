//! A response that is not HTTP/1.1.

/// Something that is no answer of HTTP/1.1; reads on after "it answered with".
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MalformedResponse(pub(crate) &'static str);
