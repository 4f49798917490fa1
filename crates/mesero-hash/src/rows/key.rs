//! Keys of rows.

use std::fmt;

use mesero_terminal::output;

/// The key of a row: a value for each key column of the table.
///
/// Only the database can compare two keys, since only it knows its collations.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RowKey(pub(crate) Vec<KeyValue>);

/// A value of a key, as it can be sent back to the database.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum KeyValue {
    Integer(i64),
    /// The bits of a floating-point number.
    Real(u64),
    /// A text, or another type that the dialect reads and sends as text (a uuid, a time, a decimal).
    /// Not necessarily UTF-8.
    Text(Vec<u8>),
    Bytes(Vec<u8>),
}

impl KeyValue {
    /// The bytes of the value's text, which a server casts to the type of the key's column.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            KeyValue::Integer(number) => number.to_string().into_bytes(),
            KeyValue::Real(bits) => f64::from_bits(*bits).to_string().into_bytes(),
            KeyValue::Text(bytes) | KeyValue::Bytes(bytes) => bytes.clone(),
        }
    }
}

/// The key in messages: it is not a secret.
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
    fn a_key_is_printed_as_its_values() {
        let values = vec![
            KeyValue::Integer(-7),
            KeyValue::Text(b"an\x1b[2J".to_vec()),
            KeyValue::Bytes(vec![0, 255]),
            KeyValue::Real(1.5f64.to_bits()),
        ];
        assert_eq!(RowKey(values).to_string(), r"-7, 'an\u{1b}[2J', x'00ff', 1.5");
    }
}
