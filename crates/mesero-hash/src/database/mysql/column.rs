//! What the catalogue of MySQL or MariaDB says of a column.

use sqlx::Row as _;
use sqlx::mysql::MySqlRow;

use crate::database::table::TableColumn;
use crate::rows::row::ValueForm;

/// A column.
#[derive(Debug, Clone)]
pub(super) struct MySqlColumn {
    pub(super) name: String,
    /// With its length and so on.
    pub(super) type_name: String,
    /// Without them.
    pub(super) base: String,
    pub(super) charset: String,
    pub(super) collation: String,
    width: Option<u64>,
    nullable: bool,
    /// Whether a write of the row changes it by itself.
    pub(super) stamped: bool,
    /// What it is computed from, if it is.
    pub(super) made_of: Option<String>,
    /// What the user may do with it.
    privileges: String,
}

impl MySqlColumn {
    /// Reads a row of [`COLUMNS`].
    pub(super) fn read(row: &MySqlRow) -> sqlx::Result<Self> {
        let text = |index: usize| row.try_get::<String, _>(index);
        let extra = text(7)?.to_lowercase();
        let made_of = text(8)?;
        let base = text(2)?.to_lowercase();
        Ok(Self {
            name: text(0)?,
            type_name: text(1)?,
            base,
            charset: text(3)?,
            collation: text(4)?,
            width: row.try_get::<Option<u64>, _>(5)?,
            nullable: row.try_get(6)?,
            stamped: extra.contains("on update"),
            made_of: (!made_of.is_empty()).then_some(made_of),
            privileges: text(9)?,
        })
    }

    /// What a password in such a column is; none if it is none.
    pub(super) fn form(&self) -> Option<ValueForm> {
        match self.base.as_str() {
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => {
                Some(ValueForm::Text)
            }
            "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Some(ValueForm::Bytes),
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "float"
            | "double" | "year" => Some(ValueForm::Number),
            _ => None,
        }
    }

    pub(super) fn column(&self) -> TableColumn {
        TableColumn {
            name: self.name.clone(),
            type_name: self.type_name.clone(),
            width: self.width,
            nullable: self.nullable,
        }
    }

    /// Whether the user may do that with it: `select`, `update`.
    pub(super) fn may(&self, what: &str) -> bool {
        self.privileges.split(',').any(|privilege| privilege == what)
    }
}

/// In the order of the table.
pub(super) const COLUMNS: &str = "
    SELECT CAST(COLUMN_NAME AS CHAR), CAST(COLUMN_TYPE AS CHAR), CAST(DATA_TYPE AS CHAR),
           CAST(COALESCE(CHARACTER_SET_NAME, '') AS CHAR), CAST(COALESCE(COLLATION_NAME, '') AS CHAR),
           CAST(CHARACTER_MAXIMUM_LENGTH AS UNSIGNED), IS_NULLABLE = 'YES', CAST(EXTRA AS CHAR),
           CAST(COALESCE(GENERATION_EXPRESSION, '') AS CHAR), CAST(PRIVILEGES AS CHAR)
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?
    ORDER BY ORDINAL_POSITION";
