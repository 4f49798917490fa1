//! Classes of stored values: plaintext, a hash, or a value that may be either.

use mesero_terminal::units::plural_form;

use crate::argon2::phc::Phc;
use crate::rows::row::{Row, StoredValue, ValueForm};

/// The class of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueClass {
    Plaintext,
    /// A complete Argon2 string, also the wrapped hash of a digest.
    Hash,
    MaybeHash(Ambiguity),
    Null,
    /// No bytes: not a password, so it is left unchanged.
    Empty,
}

/// The reason why a value may be a hash, or differ from the password that was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ambiguity {
    /// As many hexadecimal digits as a digest has, with letters of one case.
    Hex { digits: usize, capital: bool },
    /// Begins like a hash of crypt(3): `$1$`, `$2b$`, `$6$`, `$y$` and others.
    Crypt,
    /// Begins like an Argon2 string but is none, for example truncated by a narrow column.
    BrokenArgon2,
    /// Begins with a scheme in braces, as in LDAP: `{SSHA}`, `{bcrypt}`.
    UrlScheme,
    /// Begins like a hash of a web framework: `pbkdf2_sha256$`, `scrypt:`.
    Framework,
    /// A number in the database.
    Number,
    /// A plaintext, with a value in the column of the hashes.
    BothColumns,
}

/// Numbers of digits of MD5, SHA-1, SHA-224, SHA-256, SHA-384 and SHA-512.
const DIGESTS: [usize; 6] = [32, 40, 56, 64, 96, 128];

/// Identifiers of crypt(3), between the first two dollar signs.
const CRYPT: [&[u8]; 18] = [
    b"1", b"2", b"2a", b"2b", b"2x", b"2y", b"3", b"5", b"6", b"7", b"H", b"P", b"S", b"apr1",
    b"md5", b"scrypt", b"sha1", b"y",
];

const FRAMEWORKS: [&[u8]; 10] = [
    b"argon2$",
    b"bcrypt$",
    b"bcrypt_sha256$",
    b"md5$",
    b"pbkdf2:",
    b"pbkdf2_sha1$",
    b"pbkdf2_sha256$",
    b"scrypt$",
    b"scrypt:",
    b"sha1$",
];

impl ValueClass {
    /// The class of a row, from both of its columns.
    pub(crate) fn of(row: &Row) -> Self {
        let hashes = row.into.as_ref().map(|value| Self::of_value(Some(value)));
        match (Self::of_value(row.value.as_ref()), hashes) {
            (class, None) => class,
            (ValueClass::Null | ValueClass::Empty, Some(ValueClass::Empty)) => ValueClass::Empty,
            (ValueClass::Null | ValueClass::Empty, Some(class @ ValueClass::Hash)) => class,
            (class, Some(ValueClass::Empty)) => class,
            (_, Some(_)) => ValueClass::MaybeHash(Ambiguity::BothColumns),
        }
    }

    fn of_value(value: Option<&StoredValue>) -> Self {
        let Some(StoredValue { bytes, form }) = value else { return ValueClass::Null };
        let bytes = bytes.reveal();
        match form {
            ValueForm::Number => return ValueClass::MaybeHash(Ambiguity::Number),
            ValueForm::Text | ValueForm::Bytes if bytes.is_empty() => return ValueClass::Empty,
            ValueForm::Text | ValueForm::Bytes => {}
        }
        if Phc::parse(without_mark(bytes)).is_some_and(|phc| has_usual_tag_length(&phc)) {
            return ValueClass::Hash;
        }
        match ambiguity(bytes) {
            None => ValueClass::Plaintext,
            Some(ambiguity) => ValueClass::MaybeHash(ambiguity),
        }
    }
}

impl Ambiguity {
    /// The mark in front of a hash of this digest; `None` if it has a salt, without which a password
    /// could not be verified.
    pub(crate) fn mark(self) -> Option<String> {
        match self {
            Ambiguity::Hex { digits, capital: false } => Some(format!("hex{digits}")),
            Ambiguity::Hex { digits, capital: true } => Some(format!("HEX{digits}")),
            _ => None,
        }
    }

    /// Describes `count` such values, for the report.
    pub(crate) fn description(self, count: u64) -> String {
        let begin = plural_form(count, "begins", "begin");
        match self {
            Ambiguity::Hex { digits, .. } => format!("{digits} hexadecimal digits"),
            Ambiguity::Crypt => format!("{begin} like a hash of crypt ($1$, $2b$, $6$ …)"),
            Ambiguity::BrokenArgon2 => {
                let are = plural_form(count, "is", "are");
                format!("{begin} like an Argon2 hash but {are} none: truncated?")
            }
            Ambiguity::UrlScheme => format!("{begin} with a scheme in braces, such as {{SSHA}}"),
            Ambiguity::Framework => format!("{begin} like a web framework's hash"),
            Ambiguity::Number => {
                let are = plural_form(count, "is a number", "are numbers");
                format!("{are}: the digits that were typed are unknown")
            }
            Ambiguity::BothColumns => {
                let have = plural_form(count, "has", "have");
                format!("{have} a plaintext and also a value in the column of the hashes")
            }
        }
    }
}

/// Returns whether the tag has a plausible length, which that of a truncated string mostly has not.
fn has_usual_tag_length(phc: &Phc) -> bool {
    let length = phc.tag.reveal().len();
    length >= 16 && length.is_multiple_of(8)
}

/// A value without the mark of a hashed digest.
fn without_mark(bytes: &[u8]) -> &[u8] {
    let Some(dollar) = memchr::memchr(b'$', bytes) else { return bytes };
    let (mark, rest) = bytes.split_at(dollar);
    let is_mark = DIGESTS.iter().any(|digits| {
        [false, true].iter().any(|capital| {
            let ambiguity = Ambiguity::Hex { digits: *digits, capital: *capital };
            ambiguity.mark().is_some_and(|known| known.as_bytes() == mark)
        })
    });
    if is_mark { rest } else { bytes }
}

fn ambiguity(bytes: &[u8]) -> Option<Ambiguity> {
    if let Some(rest) = bytes.strip_prefix(b"$") {
        let end = memchr::memchr(b'$', rest);
        if rest.starts_with(b"argon2") {
            return Some(Ambiguity::BrokenArgon2);
        }
        let id = end.and_then(|end| rest.get(..end))?;
        let known = CRYPT.contains(&id) || id.starts_with(b"pbkdf2") || id.starts_with(b"bcrypt");
        return known.then_some(Ambiguity::Crypt);
    }
    if let Some(rest) = bytes.strip_prefix(b"{") {
        let scheme = rest.get(..memchr::memchr(b'}', rest)?)?;
        let plain = |byte: &u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/' | b'.' | b'@')
        };
        let is_scheme = scheme.len() >= 2 && scheme.iter().all(plain);
        // The scheme alone is no hash.
        return (is_scheme && rest.len() > scheme.len() + 1).then_some(Ambiguity::UrlScheme);
    }
    if FRAMEWORKS.iter().any(|start| bytes.starts_with(start)) || has_unknown_mark(bytes) {
        return Some(Ambiguity::Framework);
    }
    // MySQL's own format: `*` and 40 capital digits.
    let digits = bytes.strip_prefix(b"*").filter(|rest| rest.len() == 40).unwrap_or(bytes);
    let (small, capital) = letter_cases(digits)?;
    let is_digest = DIGESTS.contains(&digits.len()) && !(small && capital);
    is_digest.then_some(Ambiguity::Hex { digits: bytes.len(), capital })
}

/// Returns whether a short text precedes an incomplete Argon2 string, such as a mark.
fn has_unknown_mark(bytes: &[u8]) -> bool {
    let dollar = memchr::memchr(b'$', bytes).filter(|place| *place <= 16);
    dollar.and_then(|place| bytes.get(place..)).is_some_and(|rest| rest.starts_with(b"$argon2"))
}

/// Returns whether hexadecimal digits contain small and capital letters; `None` for other characters.
fn letter_cases(digits: &[u8]) -> Option<(bool, bool)> {
    digits.iter().try_fold((false, false), |(small, capital), digit| match digit {
        b'0'..=b'9' => Some((small, capital)),
        b'a'..=b'f' => Some((true, capital)),
        b'A'..=b'F' => Some((small, true)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::key::{KeyValue, RowKey};
    use crate::secret::SecretBytes;

    const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA";

    fn value(text: &str) -> Option<StoredValue> {
        Some(StoredValue { bytes: SecretBytes::copied(text.as_bytes()), form: ValueForm::Text })
    }

    fn of(text: &str) -> ValueClass {
        ValueClass::of(&Row {
            key: RowKey(vec![KeyValue::Integer(1)]),
            value: value(text),
            into: None,
        })
    }

    #[test]
    fn a_complete_hash_is_a_hash_and_a_part_of_one_is_ambiguous() {
        assert_eq!(of(HASH), ValueClass::Hash);
        for cut in "$argon2".len()..HASH.len() {
            assert_eq!(of(&HASH[..cut]), ValueClass::MaybeHash(Ambiguity::BrokenArgon2), "{cut}");
        }
        assert_eq!(of("$argon2idiot"), ValueClass::MaybeHash(Ambiguity::BrokenArgon2));
    }

    #[test]
    fn a_marked_hash_of_a_digest_is_a_hash() {
        assert_eq!(of(&format!("hex32{HASH}")), ValueClass::Hash);
        assert_eq!(of(&format!("HEX40{HASH}")), ValueClass::Hash);
        assert_eq!(of(&format!("hex33{HASH}")), ValueClass::MaybeHash(Ambiguity::Framework));
    }

    #[test]
    fn values_that_look_like_another_hash_are_ambiguous() {
        for (text, ambiguity) in [
            ("$2b$12$abcdefghijklmnopqrstuu", Ambiguity::Crypt),
            ("$1$salt$qJH7.N4xYta3aEG/dfqo/0", Ambiguity::Crypt),
            ("$y$j9T$x$y", Ambiguity::Crypt),
            ("$pbkdf2-sha256$29000$x$y", Ambiguity::Crypt),
            ("{SSHA}DkMTwBl+a/3DQTxCYEApdUtNXGgdUac3", Ambiguity::UrlScheme),
            ("{bcrypt}$2a$10$x", Ambiguity::UrlScheme),
            ("pbkdf2_sha256$600000$x$y", Ambiguity::Framework),
            ("scrypt:32768:8:1$x$y", Ambiguity::Framework),
            ("5f4dcc3b5aa765d61d8327deb882cf99", Ambiguity::Hex { digits: 32, capital: false }),
            ("5F4DCC3B5AA765D61D8327DEB882CF99", Ambiguity::Hex { digits: 32, capital: true }),
        ] {
            assert_eq!(of(text), ValueClass::MaybeHash(ambiguity), "{text}");
        }
        for digits in DIGESTS {
            assert!(matches!(
                of(&"0".repeat(digits)),
                ValueClass::MaybeHash(Ambiguity::Hex { .. })
            ));
            assert_eq!(of(&"0".repeat(digits - 1)), ValueClass::Plaintext);
        }
    }

    #[test]
    fn all_other_values_are_plaintext() {
        for text in [
            "a",
            " ",
            "secret ",
            "'; DROP TABLE users; --",
            "$2000 bonus",
            "$ecret$",
            "{}",
            "{a}b",
            "{secret}",
            "hex32",
            "5f4dcc3b5aa765d61d8327deb882cF99",
            "\0",
            "🔑",
        ] {
            assert_eq!(of(text), ValueClass::Plaintext, "{text}");
        }
    }

    #[test]
    fn empty_values_and_null_are_not_hashed() {
        assert_eq!(of(""), ValueClass::Empty);
        let key = RowKey(vec![KeyValue::Integer(1)]);
        assert_eq!(ValueClass::of(&Row { key, value: None, into: None }), ValueClass::Null);
    }

    #[test]
    fn two_columns_are_classified_together() {
        let of = |value: Option<StoredValue>, into: Option<StoredValue>| {
            ValueClass::of(&Row { key: RowKey(vec![KeyValue::Integer(1)]), value, into })
        };
        assert_eq!(of(value("secret"), None), ValueClass::Plaintext);
        assert_eq!(of(value("secret"), value("")), ValueClass::Plaintext);
        assert_eq!(of(None, value(HASH)), ValueClass::Hash);
        assert_eq!(of(value("secret"), value(HASH)), ValueClass::MaybeHash(Ambiguity::BothColumns));
        assert_eq!(of(None, value("secret")), ValueClass::MaybeHash(Ambiguity::BothColumns));
        assert_eq!(of(None, value("")), ValueClass::Empty);
    }
}
