//! How a value of a key is read, and given back in the type that the server compares it in.

use crate::database::error::DatabaseError;
use crate::database::mysql::column::Described;

/// What a column of a key is compared as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyForm {
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

impl KeyForm {
    /// # Errors
    /// If values of the column have no order, or another one than their texts say.
    pub(super) fn of(column: &Described, table: &str) -> Result<Self, DatabaseError> {
        if column.stamped {
            return Err(DatabaseError::usage(format!(
                "page through {table} by `{}`: every write of a row changes it; name another \
                 unique key with --key",
                column.name
            )));
        }
        let unsigned = column.type_name.contains("unsigned");
        Ok(match column.base.as_str() {
            "year" => KeyForm::Unsigned,
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => match unsigned {
                true => KeyForm::Unsigned,
                false => KeyForm::Signed,
            },
            "decimal" => KeyForm::Cast("DECIMAL(65, 30)"),
            "date" => KeyForm::Cast("DATE"),
            "datetime" | "timestamp" => KeyForm::Cast("DATETIME(6)"),
            "time" => KeyForm::Cast("TIME(6)"),
            "uuid" => KeyForm::Cast("UUID"),
            "inet6" => KeyForm::Cast("INET6"),
            "inet4" => KeyForm::Cast("INET4"),
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => KeyForm::Text {
                charset: column.charset.clone(),
                collation: column.collation.clone(),
            },
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
                KeyForm::Bytes
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
            KeyForm::Text { .. } | KeyForm::Bytes => name.to_owned(),
            KeyForm::Signed | KeyForm::Unsigned | KeyForm::Cast(_) => {
                format!("CAST({name} AS CHAR)")
            }
        }
    }

    /// What the bytes are compared as; a statement has it in place of the value.
    pub(super) fn parameter(&self) -> String {
        // Of bytes this changes nothing but what they are called.
        let text = "CONVERT(? USING utf8mb4)";
        match self {
            KeyForm::Bytes => "?".to_owned(),
            KeyForm::Signed => format!("CAST({text} AS SIGNED)"),
            KeyForm::Unsigned => format!("CAST({text} AS UNSIGNED)"),
            KeyForm::Cast(type_name) => format!("CAST({text} AS {type_name})"),
            KeyForm::Text { charset, collation } if charset == "utf8mb4" => {
                format!("{text} COLLATE {collation}")
            }
            KeyForm::Text { charset, collation } => {
                format!("CONVERT({text} USING {charset}) COLLATE {collation}")
            }
        }
    }
}
