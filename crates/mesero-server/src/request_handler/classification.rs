//! A call's key, priority and kind, from the parts of its request that the policy names.

use std::net::{IpAddr, Ipv6Addr};

use http::HeaderName;
use http::request::Parts;
use mesero::{Call, Key};
use mesero_config::{CallSources, ForecastBy, KeySource, PolicySettings, RequestPart};
use mesero_http::problem::Problem;
use siphasher::sip128::SipHasher13;

use super::{deadline, priority};
use crate::router::Match;

/// The longest key that is kept as it is; the hash of a longer one takes its place, so that a client cannot fill the
/// memory with keys.
const LONGEST_KEY: usize = 128;

const PRIORITY: HeaderName = HeaderName::from_static("priority");

/// A request, as far as its call is classified by it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Classified<'a> {
    pub(super) head: &'a Parts,
    pub(super) route: &'a Match<'a>,
    pub(super) peer: IpAddr,
}

/// The class of a call: whose it is, and how urgent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Class {
    pub(crate) key: Option<Key>,
    pub(crate) urgency: Option<u8>,
}

impl Class {
    /// Gives a call this class.
    pub(crate) fn apply(&self, call: Call) -> Call {
        let call = match &self.key {
            Some(key) => call.tenant(key.clone()),
            None => call,
        };
        match self.urgency {
            Some(urgency) => call.urgency(urgency),
            None => call,
        }
    }
}

impl Classified<'_> {
    /// Gives a call its class, its kind and its deadline.
    ///
    /// # Errors
    /// A 400 if the client has sent an invalid deadline.
    pub(super) fn classify(
        self,
        call: Call,
        policy: &PolicySettings,
    ) -> Result<(Call, Class), Box<Problem>> {
        let class = self.class(&policy.sources);
        let call = class.apply(self.with_kind(call, &policy.sources));
        Ok(match deadline::lowered(policy.deadline, &self.head.headers)? {
            Some(deadline) => (call.deadline(deadline), class),
            None => (call, class),
        })
    }

    /// Returns the class that the sources say. A request without a part has no key, or the default priority.
    fn class(self, sources: &CallSources) -> Class {
        Class {
            key: sources.key.as_ref().and_then(|source| self.key(source)),
            urgency: sources.priority.as_ref().and_then(|source| self.urgency(source)),
        }
    }

    /// Adds to a call what its run time is forecast by.
    fn with_kind(self, call: Call, sources: &CallSources) -> Call {
        match &sources.forecast_by {
            ForecastBy::Route => call.kind(self.route.kind.clone()),
            ForecastBy::Source(source) => match self.key(source) {
                Some(kind) => call.kind(kind),
                None => call,
            },
        }
    }

    fn key(self, source: &KeySource) -> Option<Key> {
        let text = match source {
            KeySource::Part(part) => self.text(part)?,
            KeySource::Client => client(self.peer),
        };
        Some(if text.len() <= LONGEST_KEY { text.into() } else { hashed(&text).into() })
    }

    fn urgency(self, source: &RequestPart) -> Option<u8> {
        if let RequestPart::Header(name) = source
            && *name == PRIORITY
        {
            let fields = self.head.headers.get_all(name).iter();
            return fields.filter_map(|field| priority::urgency(field.to_str().ok()?)).next_back();
        }
        let text = self.text(source)?;
        priority::number(&text).or_else(|| priority::urgency(&text))
    }

    /// The text of a part. Of a repeated parameter, and of a repeated header field, the last counts.
    fn text(self, part: &RequestPart) -> Option<String> {
        match part {
            RequestPart::Header(name) => {
                let last = self.head.headers.get_all(name).iter().next_back()?;
                Some(String::from_utf8_lossy(last.as_bytes()).into_owned())
            }
            RequestPart::Query(name) => {
                let query = self.head.uri.query().unwrap_or_default();
                let pairs = form_urlencoded::parse(query.as_bytes());
                let value = pairs.filter(|(key, _)| *key == **name).last();
                value.map(|(_, value)| value.into_owned())
            }
            RequestPart::Path(name) => {
                let segment = self.route.segments.iter().find(|(known, _)| known == name);
                segment.map(|(_, value)| value.clone())
            }
        }
    }
}

/// The client's address. A network of IPv6 has at least 64 bits for its hosts (RFC 4291, 2.5.4), all of which one
/// client may use.
fn client(peer: IpAddr) -> String {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let network = Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX));
            format!("{network}/64")
        }
    }
}

fn hashed(text: &str) -> String {
    format!("{:032x}", SipHasher13::new().hash(text.as_bytes()).as_u128())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_of_one_ipv6_network_are_one_key() {
        let of = |peer: &str| client(peer.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(of("2001:db8:1:2::9"), of("2001:db8:1:2:ffff::"));
        assert_eq!(
            (of("192.0.2.7"), of("::ffff:192.0.2.7")),
            ("192.0.2.7".into(), "192.0.2.7".into())
        );
    }

    #[test]
    fn keys_that_are_long_stay_different() {
        let long = "e".repeat(LONGEST_KEY);
        assert_ne!(hashed(&format!("{long}a")), hashed(&format!("{long}b")));
    }
}
