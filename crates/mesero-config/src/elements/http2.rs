//! Use of HTTP/2 towards an upstream.

use crate::elements::word::Word;

/// Use of HTTP/2 towards an upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Http2 {
    /// Over TLS if the server selects it, and never in the clear.
    #[default]
    Auto,
    /// Always.
    PriorKnowledge,
    /// Never.
    Off,
}

impl Word for Http2 {
    const WORDS: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("prior-knowledge", Self::PriorKnowledge), ("off", Self::Off)];
}
