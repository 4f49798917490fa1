//! Argon2 strings in the PHC format.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::argon2::cost::Cost;
use crate::secret::SecretBytes;

/// A stored Argon2 hash, with all parameters that a verification needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Phc {
    pub(crate) variant: Variant,
    /// 16 (0x10) or 19 (0x13).
    pub(crate) version: u32,
    pub(crate) cost: Cost,
    /// Name of the pepper, at most eight bytes.
    pub(crate) key_id: Option<Vec<u8>>,
    /// Associated data, at most 32 bytes.
    pub(crate) data: Option<Vec<u8>>,
    /// 8 to 64 bytes.
    pub(crate) salt: Vec<u8>,
    /// 4 to 128 bytes.
    pub(crate) tag: SecretBytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    D,
    I,
    Id,
}

impl Phc {
    /// Parses a complete string; `None` if any part of it violates the format.
    ///
    /// The format is that of the specification (<https://github.com/P-H-C/phc-string-format>): unpadded
    /// base64 without spare bits, decimals without leading zeros, parameters in their order.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut parts = text.strip_prefix('$')?.split('$');
        let variant = match parts.next()? {
            "argon2d" => Variant::D,
            "argon2i" => Variant::I,
            "argon2id" => Variant::Id,
            _ => return None,
        };
        let mut part = parts.next()?;
        // Strings without a version are of the first one.
        let version = match part.strip_prefix("v=") {
            None => 0x10,
            Some(version) => {
                part = parts.next()?;
                decimal(version).filter(|version| matches!(version, 0x10 | 0x13))?
            }
        };
        let mut parameters = part.split(',').peekable();
        let mut number = |name| decimal(parameters.next()?.strip_prefix(name)?);
        let (memory, passes, lanes) = (number("m=")?, number("t=")?, number("p=")?);
        let cost = Cost::new(memory, passes, lanes).ok()?;
        let mut optional = |name, max| match parameters.next_if(|next| next.starts_with(name)) {
            None => Some(None),
            Some(given) => bytes(given.strip_prefix(name)?, 0..=max).map(Some),
        };
        let (key_id, data) = (optional("keyid=", 8)?, optional("data=", 32)?);
        let is_complete = parameters.next().is_none();
        let (salt, tag) = (bytes(parts.next()?, 8..=64)?, bytes(parts.next()?, 4..=128)?);
        let is_complete = is_complete && parts.next().is_none();
        let tag = SecretBytes::new(tag);
        is_complete.then_some(Self { variant, version, cost, key_id, data, salt, tag })
    }

    /// Formats the string that [`parse`](Self::parse) reads; 97 characters for a salt of 16 bytes, a
    /// tag of 32 and the default cost.
    pub(crate) fn to_text(&self) -> SecretBytes {
        let variant = match self.variant {
            Variant::D => "argon2d",
            Variant::I => "argon2i",
            Variant::Id => "argon2id",
        };
        // Enough for the longest string: a growing buffer would leave copies behind.
        let mut text = String::with_capacity(512);
        let _ = write!(text, "${variant}$v={}${}", self.version, self.cost);
        for (name, value) in [(",keyid=", &self.key_id), (",data=", &self.data)] {
            if let Some(value) = value {
                text.push_str(name);
                STANDARD_NO_PAD.encode_string(value, &mut text);
            }
        }
        for value in [&*self.salt, self.tag.reveal()] {
            text.push('$');
            STANDARD_NO_PAD.encode_string(value, &mut text);
        }
        SecretBytes::from(text)
    }
}

/// A decimal without a leading zero.
fn decimal(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = text == "0" || !text.starts_with('0');
    (digits && plain).then(|| text.parse().ok()).flatten()
}

fn bytes(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text).ok().filter(|bytes| length.contains(&bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                         AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn a_parsed_string_is_formatted_the_same() {
        assert_eq!(PLAIN.len(), 97);
        let others = [
            "$argon2i$v=16$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAA",
            "$argon2d$v=19$m=8,t=1,p=1,keyid=AAA$AAAAAAAAAAA$AAAAAA",
            "$argon2id$v=19$m=8,t=1,p=1,keyid=AAA,data=AAAA$AAAAAAAAAAA$AAAAAA",
            "$argon2id$v=19$m=8,t=1,p=1,data=AAAA$AAAAAAAAAAA$AAAAAA",
        ];
        for text in [PLAIN].into_iter().chain(others) {
            let phc = Phc::parse(text.as_bytes()).expect(text);
            assert_eq!(phc.to_text().reveal(), text.as_bytes());
        }
    }

    #[test]
    fn a_string_without_a_version_is_of_the_first_one() {
        let phc = Phc::parse(b"$argon2i$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAA").unwrap();
        assert_eq!((phc.version, phc.variant), (16, Variant::I));
    }

    #[test]
    fn an_incomplete_string_is_rejected() {
        for (from, to) in [
            ("$argon2id", "argon2id"),
            ("argon2id", "argon2"),
            ("v=19", "v=20"),
            ("v=19", "v=019"),
            ("m=19456", "m=7"),
            ("m=19456", "m=019456"),
            ("m=19456", "m=4294967296"),
            ("t=2", "t=0"),
            ("t=2,p=1", "p=1,t=2"),
            ("p=1", "p=0"),
            ("p=1", "p=1,x=1"),
            ("p=1", "p=1,keyid=AAAAAAAAAAAAA"),
            ("$AAAAAAAAAAAAAAAAAAAAAA$", "$AAAAAAAAAAAAAAAAAAAAAB$"),
            ("$AAAAAAAAAAAAAAAAAAAAAA$", "$AAAA$"),
            ("$AAAAAAAAAAAAAAAAAAAAAA$", "$"),
            (
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
            ),
            ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAA$AAAA"),
            (
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ",
            ),
        ] {
            let text = PLAIN.replace(from, to);
            assert_ne!(text, PLAIN);
            assert_eq!(Phc::parse(text.as_bytes()), None, "{text}");
        }
    }
}
