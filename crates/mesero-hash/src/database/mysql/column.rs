//! Columns in the catalog of MySQL or MariaDB.

use sqlx::Row as _;
use sqlx::mysql::MySqlRow;

use crate::database::server::column::CatalogColumn;
use crate::rows::row::ValueForm;

/// A column of MySQL or MariaDB.
pub(super) type MySqlColumn = CatalogColumn<MySqlColumnExtra>;

/// Properties that only MySQL and MariaDB have.
#[derive(Debug, Clone)]
pub(crate) struct MySqlColumnExtra {
    pub(super) charset: String,
    pub(super) collation: String,
    /// Every write of the row sets a new time (`ON UPDATE`).
    pub(super) is_stamped: bool,
    /// Expression of a generated column.
    pub(super) expression: Option<String>,
    /// Privileges of the user on the column.
    privileges: String,
}

impl MySqlColumnExtra {
    /// Returns whether the user has a privilege on the column: `select`, `update`.
    pub(super) fn has_privilege(&self, privilege: &str) -> bool {
        self.privileges.split(',').any(|granted| granted == privilege)
    }
}

/// Reads a row of [`COLUMNS`].
pub(super) fn read(row: &MySqlRow) -> sqlx::Result<MySqlColumn> {
    let text = |index: usize| row.try_get::<String, _>(index);
    let base = text(2)?.to_lowercase();
    let extra = text(7)?.to_lowercase();
    let expression = text(8)?;
    Ok(MySqlColumn {
        name: text(0)?,
        type_name: text(1)?,
        form: form(&base),
        base,
        width: row.try_get::<Option<u64>, _>(5)?,
        nullable: row.try_get(6)?,
        extra: MySqlColumnExtra {
            charset: text(3)?,
            collation: text(4)?,
            is_stamped: extra.contains("on update"),
            expression: (!expression.is_empty()).then_some(expression),
            privileges: text(9)?,
        },
    })
}

fn form(base: &str) -> Option<ValueForm> {
    match base {
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => {
            Some(ValueForm::Text)
        }
        "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Some(ValueForm::Bytes),
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "float"
        | "double" | "year" => Some(ValueForm::Number),
        _ => None,
    }
}

/// Columns in the order of the table.
pub(super) const COLUMNS: &str = "
    SELECT CAST(COLUMN_NAME AS CHAR), CAST(COLUMN_TYPE AS CHAR), CAST(DATA_TYPE AS CHAR),
           CAST(COALESCE(CHARACTER_SET_NAME, '') AS CHAR), CAST(COALESCE(COLLATION_NAME, '') AS CHAR),
           CAST(CHARACTER_MAXIMUM_LENGTH AS UNSIGNED), IS_NULLABLE = 'YES', CAST(EXTRA AS CHAR),
           CAST(COALESCE(GENERATION_EXPRESSION, '') AS CHAR), CAST(PRIVILEGES AS CHAR)
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?
    ORDER BY ORDINAL_POSITION";
