//! Names as the schema has them.

use crate::database::sqlite::statements::Names;

/// Names as the schema has them.
pub(crate) struct SchemaNames {
    pub(crate) table: String,
    pub(crate) key: Vec<String>,
    pub(crate) column: String,
    pub(crate) into: Option<String>,
}

impl SchemaNames {
    pub(crate) fn borrowed(&self) -> Names<'_> {
        Names {
            table: &self.table,
            key: self.key.iter().map(String::as_str).collect(),
            column: &self.column,
            into: self.into.as_deref(),
        }
    }
}
