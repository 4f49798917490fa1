//! Types of key columns: how a value is read, and how a parameter is compared in the server's own type.

use crate::database::error::DatabaseError;
use crate::database::mysql::column::MySqlColumn;

/// The type as which a key column is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyType {
    Signed,
    Unsigned,
    /// A type to which a text is cast without loss.
    Cast(&'static str),
    /// A text, ordered by its collation.
    Text {
        charset: String,
        collation: String,
    },
    Bytes,
}

impl KeyType {
    /// The type of a column.
    ///
    /// # Errors
    /// If its values cannot be compared in the order in which they are sorted.
    pub(super) fn of(column: &MySqlColumn, table: &str) -> Result<Self, DatabaseError> {
        if column.extra.is_stamped {
            return Err(DatabaseError::usage(format!(
                "page through {table} by `{}`: every write of a row changes it; name another \
                 unique key with --key",
                column.name
            )));
        }
        let is_unsigned = column.type_name.contains("unsigned");
        Ok(match column.base.as_str() {
            "year" => KeyType::Unsigned,
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" if is_unsigned => {
                KeyType::Unsigned
            }
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => KeyType::Signed,
            "decimal" => KeyType::Cast("DECIMAL(65, 30)"),
            "date" => KeyType::Cast("DATE"),
            "datetime" | "timestamp" => KeyType::Cast("DATETIME(6)"),
            "time" => KeyType::Cast("TIME(6)"),
            "uuid" => KeyType::Cast("UUID"),
            "inet6" => KeyType::Cast("INET6"),
            "inet4" => KeyType::Cast("INET4"),
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => KeyType::Text {
                charset: column.extra.charset.clone(),
                collation: column.extra.collation.clone(),
            },
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
                KeyType::Bytes
            }
            _ => {
                return Err(DatabaseError::usage(format!(
                    "page through {table} by `{}`: it is of the type {}, which is compared \
                     in another order than it is sorted; name another unique key with --key",
                    column.name, column.type_name
                )));
            }
        })
    }

    /// The expression that reads the column `name` as bytes.
    pub(super) fn read(&self, name: &str) -> String {
        match self {
            KeyType::Text { .. } | KeyType::Bytes => name.to_owned(),
            KeyType::Signed | KeyType::Unsigned | KeyType::Cast(_) => {
                format!("CAST({name} AS CHAR)")
            }
        }
    }

    /// The expression of a parameter: its bytes, cast to the type of the column.
    pub(super) fn parameter(&self) -> String {
        // This leaves the bytes as they are and declares their encoding.
        let text = "CONVERT(? USING utf8mb4)";
        match self {
            KeyType::Bytes => "?".to_owned(),
            KeyType::Signed => format!("CAST({text} AS SIGNED)"),
            KeyType::Unsigned => format!("CAST({text} AS UNSIGNED)"),
            KeyType::Cast(type_name) => format!("CAST({text} AS {type_name})"),
            KeyType::Text { charset, collation } if charset == "utf8mb4" => {
                format!("{text} COLLATE {collation}")
            }
            KeyType::Text { charset, collation } => {
                format!("CONVERT({text} USING {charset}) COLLATE {collation}")
            }
        }
    }
}
