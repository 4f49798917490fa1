//! The statements for one table, and values on their way in and out.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::rows::key::KeyValue;
use crate::rows::row::{StoredValue, ValueForm};
use crate::secret::SecretBytes;

/// SQL text; parameters are numbered, and every name is quoted.
#[derive(Debug)]
pub(super) struct SqliteStatements {
    pub(super) first_page: String,
    /// Parameters: the key after which it begins, then how many rows.
    pub(super) next_page: String,
    /// Parameters: the hash, then two for each old value, then the key.
    pub(super) update: String,
    /// What is stored where the hash goes. Parameters: the key.
    pub(super) stored: String,
}

/// Names as the catalogue has them.
#[derive(Debug)]
pub(super) struct Names<'a> {
    pub(super) table: &'a str,
    pub(super) key: Vec<&'a str>,
    pub(super) column: &'a str,
    pub(super) into: Option<&'a str>,
}

impl SqliteStatements {
    pub(super) fn of(names: &Names<'_>) -> Self {
        let table = quoted(names.table);
        let key: Vec<_> = names.key.iter().map(|name| quoted(name)).collect();
        let (columns, width) = (key.join(", "), key.len());
        let column = quoted(names.column);
        let into = names.into.map(quoted);
        let read = into
            .iter()
            .fold(format!("{columns}, {column}"), |read, into| format!("{read}, {into}"));
        let marks: Vec<_> = (1..=width).map(|number| format!("?{number}")).collect();
        let select = format!("SELECT {read} FROM {table}");
        let order = format!("ORDER BY {columns} LIMIT");

        // Byte for byte, whatever the collation and the affinity; a NULL is as it was if it is one.
        let same = |column: &str, first: usize| {
            format!(
                "typeof({column}) = ?{first} AND CAST({column} AS BLOB) IS CAST(?{} AS BLOB)",
                first + 1
            )
        };
        let mut set = format!("{} = ?1", into.as_ref().unwrap_or(&column));
        let mut unchanged = same(&column, 2);
        let mut next = 4;
        if let Some(into) = &into {
            set.push_str(&format!(", {column} = NULL"));
            unchanged.push_str(&format!(" AND {}", same(into, next)));
            next += 2;
        }
        let is_row = |first: usize| {
            let equal =
                key.iter().enumerate().map(|(at, name)| format!("{name} = ?{}", first + at));
            equal.collect::<Vec<_>>().join(" AND ")
        };
        let target = into.as_ref().unwrap_or(&column);
        Self {
            first_page: format!("{select} {order} ?1"),
            next_page: format!(
                "{select} WHERE ({columns}) > ({}) {order} ?{}",
                marks.join(", "),
                width + 1
            ),
            update: format!("UPDATE {table} SET {set} WHERE {} AND {unchanged}", is_row(next)),
            stored: format!("SELECT {target} FROM {table} WHERE {}", is_row(1)),
        }
    }
}

/// A name as SQL has it, whatever is in it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A value on its way in, in the form in which it was read: also a text that is not UTF-8.
#[derive(Debug)]
pub(super) struct BoundValue<'a>(pub(super) ValueRef<'a>);

impl ToSql for BoundValue<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}

impl<'a> BoundValue<'a> {
    pub(super) fn key(value: &'a KeyValue) -> Self {
        Self(match value {
            KeyValue::Integer(number) => ValueRef::Integer(*number),
            KeyValue::Real(bits) => ValueRef::Real(f64::from_bits(*bits)),
            KeyValue::Text(text) => ValueRef::Text(text),
            KeyValue::Bytes(bytes) => ValueRef::Blob(bytes),
        })
    }

    /// The type of an old value as `typeof` says it, and the value.
    ///
    /// A number is bound as its text, which is what it is cast to on the other side.
    pub(super) fn old(value: Option<&'a StoredValue>) -> [Self; 2] {
        let Some(StoredValue { bytes, form }) = value else {
            return [Self(ValueRef::Text(b"null")), Self(ValueRef::Null)];
        };
        let bytes = bytes.reveal();
        let is_whole = || bytes.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-');
        let (name, bound): (&[u8], _) = match form {
            ValueForm::Text => (b"text", ValueRef::Text(bytes)),
            ValueForm::Bytes => (b"blob", ValueRef::Blob(bytes)),
            ValueForm::Number if is_whole() => (b"integer", ValueRef::Text(bytes)),
            ValueForm::Number => (b"real", ValueRef::Text(bytes)),
        };
        [Self(ValueRef::Text(name)), Self(bound)]
    }
}

/// A value that was read; none for NULL. `in_words` is how SQLite writes a number with a fraction.
pub(super) fn read(
    value: ValueRef<'_>,
    in_words: impl FnOnce(f64) -> rusqlite::Result<String>,
) -> rusqlite::Result<Option<StoredValue>> {
    let (bytes, form) = match value {
        ValueRef::Null => return Ok(None),
        ValueRef::Text(text) => (SecretBytes::copied(text), ValueForm::Text),
        ValueRef::Blob(bytes) => (SecretBytes::copied(bytes), ValueForm::Bytes),
        ValueRef::Integer(number) => (SecretBytes::from(number.to_string()), ValueForm::Number),
        ValueRef::Real(number) => (SecretBytes::from(in_words(number)?), ValueForm::Number),
    };
    Ok(Some(StoredValue { bytes, form }))
}

/// A key's value; none for NULL, which no key that was looked for has.
pub(super) fn read_key(value: ValueRef<'_>) -> Option<KeyValue> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(KeyValue::Integer(number)),
        ValueRef::Real(number) => Some(KeyValue::Real(number.to_bits())),
        ValueRef::Text(text) => Some(KeyValue::Text(text.to_vec())),
        ValueRef::Blob(bytes) => Some(KeyValue::Bytes(bytes.to_vec())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_anything() {
        assert_eq!(quoted(r#"a"; DROP TABLE b; --"#), r#""a""; DROP TABLE b; --""#);
    }

    #[test]
    fn a_row_is_written_only_as_it_was_read() {
        let names = Names { table: "t", key: vec!["a", "b"], column: "p", into: Some("h") };
        let statements = SqliteStatements::of(&names);
        assert_eq!(
            statements.next_page,
            r#"SELECT "a", "b", "p", "h" FROM "t" WHERE ("a", "b") > (?1, ?2) ORDER BY "a", "b" LIMIT ?3"#
        );
        assert_eq!(
            statements.update,
            r#"UPDATE "t" SET "h" = ?1, "p" = NULL WHERE "a" = ?6 AND "b" = ?7 AND typeof("p") = ?2 AND CAST("p" AS BLOB) IS CAST(?3 AS BLOB) AND typeof("h") = ?4 AND CAST("h" AS BLOB) IS CAST(?5 AS BLOB)"#
        );
    }
}
