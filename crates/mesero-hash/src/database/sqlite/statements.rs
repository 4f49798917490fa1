//! The statements for one table of an SQLite file, their parameters and results.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::rows::key::KeyValue;
use crate::rows::row::{StoredValue, ValueForm};
use crate::secret::SecretBytes;

/// The statements for one table, as text: parameters are numbered, and every name is quoted.
#[derive(Debug)]
pub(super) struct SqliteStatements {
    pub(super) first_page: String,
    /// Parameters: the preceding key, then the number of rows.
    pub(super) next_page: String,
    /// Parameters: the hash, then two for each old value, then the key.
    pub(super) update: String,
    /// Reads the column of the hashes. Parameters: the key.
    pub(super) stored: String,
}

/// Names of the table and its columns, as the schema spells them.
#[derive(Debug)]
pub(crate) struct SchemaNames {
    pub(crate) table: String,
    pub(crate) key: Vec<String>,
    /// Column of the plaintext.
    pub(crate) column: String,
    /// Another column for the hashes.
    pub(crate) into: Option<String>,
}

impl SqliteStatements {
    pub(super) fn of(names: &SchemaNames) -> Self {
        let table = quoted(&names.table);
        let key: Vec<_> = names.key.iter().map(|name| quoted(name)).collect();
        let (columns, width) = (key.join(", "), key.len());
        let column = quoted(&names.column);
        let into = names.into.as_deref().map(quoted);
        let read = into
            .iter()
            .fold(format!("{columns}, {column}"), |read, into| format!("{read}, {into}"));
        let marks: Vec<_> = (1..=width).map(|number| format!("?{number}")).collect();
        let select = format!("SELECT {read} FROM {table}");
        let order = format!("ORDER BY {columns} LIMIT");

        // Compares bytes, independent of collation and affinity; NULL equals NULL.
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

/// A name in SQL; it may contain any character.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A parameter in the form in which it was read: also a text that is not UTF-8.
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

    /// The type of an old value as `typeof` returns it, and the value; a number as its text.
    pub(super) fn old_value(value: Option<&'a StoredValue>) -> [Self; 2] {
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

/// A value that was read; `None` for NULL. `real_text` formats a number with a fraction as SQLite does.
pub(super) fn read(
    value: ValueRef<'_>,
    real_text: impl FnOnce(f64) -> rusqlite::Result<String>,
) -> rusqlite::Result<Option<StoredValue>> {
    let (bytes, form) = match value {
        ValueRef::Null => return Ok(None),
        ValueRef::Text(text) => (SecretBytes::copied(text), ValueForm::Text),
        ValueRef::Blob(bytes) => (SecretBytes::copied(bytes), ValueForm::Bytes),
        ValueRef::Integer(number) => (SecretBytes::from(number.to_string()), ValueForm::Number),
        ValueRef::Real(number) => (SecretBytes::from(real_text(number)?), ValueForm::Number),
    };
    Ok(Some(StoredValue { bytes, form }))
}

/// A value of a key; `None` for NULL.
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
    fn a_name_may_contain_any_character() {
        assert_eq!(quoted(r#"a"; DROP TABLE b; --"#), r#""a""; DROP TABLE b; --""#);
    }

    #[test]
    fn a_row_is_written_only_if_it_is_unchanged() {
        let names = SchemaNames {
            table: "t".to_owned(),
            key: vec!["a".to_owned(), "b".to_owned()],
            column: "p".to_owned(),
            into: Some("h".to_owned()),
        };
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
