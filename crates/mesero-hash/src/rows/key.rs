//! A row's key: values of one or several columns, in the order of the columns.

use std::fmt;

use mesero_terminal::output;

/// By which a row is found again, and after which the next page begins.
///
/// As many values as the table has key columns. Which key comes after which only the database
/// knows, since only it knows its collations.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RowKey(pub(crate) Vec<KeyValue>);

/// A value of a key in a form that a database can be given back.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum KeyValue {
    Integer(i64),
    /// A floating-point number, by its bits.
    Real(u64),
    /// A text; or anything else that a dialect reads and casts back as a text (a uuid, a time, a
    /// decimal). Not necessarily UTF-8.
    Text(Vec<u8>),
    Bytes(Vec<u8>),
}

impl KeyValue {
    /// The bytes of the value's text, which a server casts back to the type of the key's column.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            KeyValue::Integer(number) => number.to_string().into_bytes(),
            KeyValue::Real(bits) => f64::from_bits(*bits).to_string().into_bytes(),
            KeyValue::Text(bytes) | KeyValue::Bytes(bytes) => bytes.clone(),
        }
    }
}

/// For messages: a key names a row, and is no secret.
impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, value) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            value.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyValue::Integer(number) => number.fmt(f),
            KeyValue::Real(bits) => f64::from_bits(*bits).fmt(f),
            KeyValue::Text(text) => {
                let shown = String::from_utf8_lossy(text);
                let shown: String = shown.chars().flat_map(output::visible).collect();
                write!(f, "'{shown}'")
            }
            KeyValue::Bytes(bytes) => {
                f.write_str("x'")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str("'")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_shown_by_its_values() {
        let values = vec![
            KeyValue::Integer(-7),
            KeyValue::Text(b"an\x1b[2J".to_vec()),
            KeyValue::Bytes(vec![0, 255]),
            KeyValue::Real(1.5f64.to_bits()),
        ];
        assert_eq!(RowKey(values).to_string(), r"-7, 'an\u{1b}[2J', x'00ff', 1.5");
    }
}
