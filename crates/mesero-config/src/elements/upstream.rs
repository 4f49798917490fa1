//! The URL of an HTTP server: `"http://127.0.0.1:8000"` or `"https://…"`, with an optional path in front of all others.

use std::fmt;

use http::Uri;
use http::uri::{Authority, Scheme};
use serde_json::{Value, json};

use crate::elements::element::{Element, Hint};

/// The address of an HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    scheme: Scheme,
    authority: String,
    host: String,
    port: u16,
    base: String,
}

impl Upstream {
    /// Makes the address of the server at `authority`; without a port in it, the scheme's own.
    pub fn new(scheme: Scheme, authority: &Authority) -> Self {
        let default_port = if scheme == Scheme::HTTPS { 443 } else { 80 };
        Self {
            host: authority.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: authority.port_u16().unwrap_or(default_port),
            authority: authority.as_str().to_owned(),
            base: String::new(),
            scheme,
        }
    }

    /// Returns `http` or `https`.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Returns whether connections use TLS.
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Returns the name or the address, without the brackets of the latter.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port, also where it is the scheme's own.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns host and port as they were written, and as a `Host` field names them.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Returns the prefix of every path: empty, or a path without a slash at its end.
    pub fn base(&self) -> &str {
        &self.base
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}{}", self.scheme, self.authority, self.base)
    }
}

impl Element for Upstream {
    fn expected() -> String {
        "a URL such as \"http://127.0.0.1:8000\"".to_owned()
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^https?://" })
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| Hint::new("it starts with `http://` or `https://`"))?;
        let scheme = match scheme {
            "http" => Scheme::HTTP,
            "https" => Scheme::HTTPS,
            _ => return Err(Hint::new(format!("the scheme is `http` or `https`, not `{scheme}`"))),
        };
        if rest.contains(['?', '#', '@']) {
            return Err(Hint::new("it has a host, a port and a path, and nothing else"));
        }
        let uri: Uri = text.parse().map_err(|error| Hint::new(format!("{error}")))?;
        let authority = uri.authority().ok_or_else(|| Hint::new("the host is missing"))?;
        let has_port = !authority.as_str().ends_with(authority.host());
        if authority.port_u16() == Some(0) || (has_port && authority.port_u16().is_none()) {
            return Err(Hint::new("the port is a number from 1 to 65535"));
        }
        let upstream = Self::new(scheme, authority);
        if upstream.host.is_empty() {
            return Err(Hint::new("the host is missing"));
        }
        Ok(Self { base: uri.path().trim_end_matches('/').to_owned(), ..upstream })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gives_its_parts() {
        let parts = |text: &str| {
            let Upstream { host, port, authority, base, .. } = Upstream::from_text(text).unwrap();
            format!("{host} {port} {authority} {base}")
        };
        assert_eq!(parts("http://localhost:8000"), "localhost 8000 localhost:8000 ");
        assert_eq!(parts("http://a.example/"), "a.example 80 a.example ");
        assert_eq!(parts("http://[::1]:81/v1/api/"), "::1 81 [::1]:81 /v1/api");
        assert_eq!(parts("https://a.example"), "a.example 443 a.example ");
    }

    #[test]
    fn anything_else_is_refused() {
        let bad = [
            "",
            "a:80",
            "ftp://a",
            "http://",
            "http://:80",
            "http://a:0",
            "http://a:70000",
            "http://a:",
            "http://a?b",
            "http://u@a",
            "http://a/#f",
            "http://a b",
        ];
        for text in bad {
            assert!(Upstream::from_text(text).is_err(), "{text}");
        }
    }
}
