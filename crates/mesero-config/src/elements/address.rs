//! An address to listen on: `HOST:PORT`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use crate::elements::element::{Element, Hint};

/// A host and a port, which print as they were written; port 0 asks for any free one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// The control listener's default.
    pub(crate) fn default_control() -> Self {
        Self { host: Ipv4Addr::LOCALHOST.to_string(), port: 9888 }
    }

    /// Returns whether only this machine can reach it. Of all names only `localhost` is known to be so.
    pub(crate) fn is_loopback(&self) -> bool {
        let v4 = self.host.parse().is_ok_and(|ip: Ipv4Addr| ip.is_loopback());
        let v6 = self.host.parse().is_ok_and(|ip: Ipv6Addr| ip.is_loopback());
        v4 || v6 || self.host == "localhost"
    }

    /// Returns whether only one of the two can be listened on, as far as is known without name lookups.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let any = |address: &Self| ["0.0.0.0", "::"].contains(&address.host.as_str());
        let local = |address: &Self| ["127.0.0.1", "::1"].contains(&address.host.as_str());
        let named = |address: &Self| address.host == "localhost";
        let hosts = self.host == other.host
            || any(self)
            || any(other)
            || (named(self) && local(other))
            || (local(self) && named(other));
        // With port 0 each gets a port of its own.
        self.port != 0 && self.port == other.port && hosts
    }
}

impl Default for Address {
    /// The first port of the service, on both loopback addresses.
    fn default() -> Self {
        Self { host: "localhost".to_owned(), port: 8888 }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

impl Element for Address {
    fn expected() -> String {
        "an address such as \"localhost:8888\", \"0.0.0.0:8888\" or \"[::1]:8888\"".to_owned()
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": ":[0-9]+$" })
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        let (host, port) = text.rsplit_once(':').ok_or_else(|| Hint::new("the port is missing"))?;
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| digits);
        let port = port.ok_or_else(|| Hint::new("the port is a number from 0 to 65535"))?;
        let host = match host.strip_prefix('[').map(|rest| rest.strip_suffix(']')) {
            Some(Some(inner)) if inner.parse::<Ipv6Addr>().is_ok() => inner,
            Some(_) => return Err(Hint::new("there is no IPv6 address between the brackets")),
            None if host.contains(':') => {
                return Err(Hint::new("an IPv6 address needs brackets"));
            }
            None => host_name(host)?,
        };
        Ok(Self { host: host.to_ascii_lowercase(), port })
    }
}

fn host_name(host: &str) -> Result<&str, Hint> {
    let like_a_number = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if host.is_empty() {
        Err(Hint::new("the host is missing; 0.0.0.0 means every IPv4 address of this machine"))
    } else if like_a_number && host.parse::<Ipv4Addr>().is_err() {
        Err(Hint::new("the host is not an IPv4 address"))
    } else if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)) {
        Err(Hint::new("the host contains a character that is invalid in a host name"))
    } else {
        Ok(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_it_was_written() {
        for text in ["localhost:8888", "127.0.0.1:0", "[::1]:65535", "my-host.internal:80"] {
            assert_eq!(Address::from_text(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_defaults_are_what_the_texts_say() {
        assert_eq!(Address::default().to_string(), "localhost:8888");
        assert_eq!(Address::default_control().to_string(), "127.0.0.1:9888");
    }

    #[test]
    fn anything_else_is_refused() {
        let bad = [
            "",
            "8888",
            ":8888",
            "localhost",
            "localhost:",
            "a:65536",
            "a:+1",
            "::1:80",
            "[x]:1",
            "1.2.3:4",
            "a b:1",
            "[::1:80",
        ];
        for text in bad {
            assert!(Address::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn two_addresses_meet_when_a_request_could_come_to_both() {
        let meet = |left: &str, right: &str| {
            let [left, right] = [left, right].map(|text| Address::from_text(text).unwrap());
            assert_eq!(left.meets(&right), right.meets(&left));
            left.meets(&right)
        };
        assert!(meet("localhost:1", "127.0.0.1:1") && meet("localhost:1", "[::1]:1"));
        assert!(meet("0.0.0.0:1", "10.0.0.1:1") && meet("a:1", "a:1"));
        assert!(!meet("a:1", "b:1") && !meet("a:1", "a:2") && !meet("a:0", "a:0"));
        assert!(!meet("127.0.0.1:1", "[::1]:1"));
    }

    #[test]
    fn only_loopback_is_loopback() {
        for (text, loopback) in [
            ("localhost:1", true),
            ("LOCALHOST:1", true),
            ("127.9.9.9:1", true),
            ("[::1]:1", true),
            ("0.0.0.0:1", false),
            ("[::]:1", false),
            ("localhost.example:1", false),
        ] {
            assert_eq!(Address::from_text(text).unwrap().is_loopback(), loopback, "{text}");
        }
    }
}
