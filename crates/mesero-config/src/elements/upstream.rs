//! Where an HTTP server is: `"http://127.0.0.1:8000"` or `"https://…"`, with a path in front of all others if it has one.

use std::fmt;

use http::Uri;
use serde_json::{Value, json};

use super::{Element, Hint};

/// The address of an HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    scheme: Scheme,
    authority: String,
    host: String,
    port: u16,
    base: String,
}

/// Whether TLS is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Upstream {
    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the name or the address, without the brackets of the latter.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns host and port as they were written.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Returns what stands in front of every path; no slash ends it.
    pub fn base(&self) -> &str {
        &self.base
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}{}", self.scheme, self.authority, self.base)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

impl Element for Upstream {
    fn wanted() -> String {
        "a URL such as \"http://127.0.0.1:8000\"".to_owned()
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^https?://" })
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| Hint::new("it starts with `http://` or `https://`"))?;
        let (scheme, default_port) = match scheme {
            "http" => (Scheme::Http, 80),
            "https" => (Scheme::Https, 443),
            _ => return Err(Hint::new(format!("`http` and `https` are spoken, not `{scheme}`"))),
        };
        if rest.contains(['?', '#', '@']) {
            return Err(Hint::new("it has a host, a port and a path, and nothing else"));
        }
        let uri: Uri = text.parse().map_err(|error| Hint::new(format!("{error}")))?;
        let authority = uri.authority().ok_or_else(|| Hint::new("the host is missing"))?;
        let port = match (authority.port_u16(), authority.as_str().ends_with(authority.host())) {
            (Some(0), _) | (None, false) => {
                return Err(Hint::new("the port is a number from 1 to 65535"));
            }
            (Some(port), _) => port,
            (None, true) => default_port,
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(Hint::new("the host is missing"));
        }
        Ok(Self {
            scheme,
            authority: authority.as_str().to_owned(),
            host: host.to_owned(),
            port,
            base: uri.path().trim_end_matches('/').to_owned(),
        })
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
