//! How a value of a key is read, and given back in the type that the server compares it in.

use crate::database::error::DatabaseError;
use crate::database::mysql::column::MySqlColumn;

/// What a column of a key is compared as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyType {
    Signed,
    Unsigned,
    /// A type that a text is cast to without loss.
    Cast(&'static str),
    /// A text, in the order of its collation.
    Text {
        charset: String,
        collation: String,
    },
    Bytes,
}

impl KeyType {
    /// # Errors
    /// If values of the column have no order, or another one than their texts say.
    pub(super) fn of(column: &MySqlColumn, table: &str) -> Result<Self, DatabaseError> {
        if column.stamped {
            return Err(DatabaseError::usage(format!(
                "page through {table} by `{}`: every write of a row changes it; name another \
                 unique key with --key",
                column.name
            )));
        }
        let unsigned = column.type_name.contains("unsigned");
        Ok(match column.base.as_str() {
            "year" => KeyType::Unsigned,
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => match unsigned {
                true => KeyType::Unsigned,
                false => KeyType::Signed,
            },
            "decimal" => KeyType::Cast("DECIMAL(65, 30)"),
            "date" => KeyType::Cast("DATE"),
            "datetime" | "timestamp" => KeyType::Cast("DATETIME(6)"),
            "time" => KeyType::Cast("TIME(6)"),
            "uuid" => KeyType::Cast("UUID"),
            "inet6" => KeyType::Cast("INET6"),
            "inet4" => KeyType::Cast("INET4"),
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => KeyType::Text {
                charset: column.charset.clone(),
                collation: column.collation.clone(),
            },
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
                KeyType::Bytes
            }
            _ => {
                return Err(DatabaseError::usage(format!(
                    "page through {table} by `{}`: it is of the type {}, which cannot be compared \
                     as it is ordered; name another unique key with --key",
                    column.name, column.type_name
                )));
            }
        })
    }

    /// How it is read: as bytes, whatever it is.
    pub(super) fn read(&self, name: &str) -> String {
        match self {
            KeyType::Text { .. } | KeyType::Bytes => name.to_owned(),
            KeyType::Signed | KeyType::Unsigned | KeyType::Cast(_) => {
                format!("CAST({name} AS CHAR)")
            }
        }
    }

    /// What the bytes are compared as; a statement has it in place of the value.
    pub(super) fn parameter(&self) -> String {
        // Of bytes this changes nothing but what they are called.
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
