//! The selected table in the catalog of a server.

use crate::database::server::column::CatalogColumn;
use crate::database::server::sql::quoted;
use crate::database::table::{Advisory, PasswordTable};

/// A table that the user can see; `Extra` is what only one dialect knows about it.
#[derive(Debug)]
pub(crate) struct CatalogTable<Extra> {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// The table is found without its schema.
    pub(crate) is_in_default_schema: bool,
    pub(crate) extra: Extra,
}

impl<Extra> CatalogTable<Extra> {
    /// The name with its schema.
    pub(crate) fn qualified(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// Finds a table by its name; one of the default schema first.
    pub(crate) fn find<'a>(tables: &'a [Self], name: &str) -> Option<&'a Self> {
        let default = tables.iter().find(|table| table.is_in_default_schema && table.name == name);
        default.or_else(|| tables.iter().find(|table| table.qualified() == name))
    }

    /// The shortest names by which `tables` can be found.
    pub(crate) fn names(tables: &[Self]) -> Vec<String> {
        let name = |table: &Self| {
            if table.is_in_default_schema { table.name.clone() } else { table.qualified() }
        };
        tables.iter().map(name).collect()
    }
}

/// The selected table with its selected columns.
#[derive(Debug)]
pub(crate) struct SelectedTable<Extra> {
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) key: Vec<CatalogColumn<Extra>>,
    /// Column of the plaintext.
    pub(crate) column: CatalogColumn<Extra>,
    /// Another column for the hashes.
    pub(crate) into: Option<CatalogColumn<Extra>>,
    pub(crate) rows: u64,
}

impl<Extra> SelectedTable<Extra> {
    /// Column of the hashes.
    pub(crate) fn target(&self) -> &CatalogColumn<Extra> {
        self.into.as_ref().unwrap_or(&self.column)
    }

    /// The name in a statement.
    pub(crate) fn quoted(&self, quote: char) -> String {
        format!("{}.{}", quoted(&self.schema, quote), quoted(&self.name, quote))
    }

    /// The table as reports name it.
    pub(crate) fn summary(&self, advisories: Vec<Advisory>) -> PasswordTable {
        PasswordTable {
            name: format!("{}.{}", self.schema, self.name),
            key: self.key.iter().map(CatalogColumn::summary).collect(),
            column: self.column.summary(),
            into: self.into.as_ref().map(CatalogColumn::summary),
            rows: self.rows,
            advisories,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(schema: &str, name: &str, is_in_default_schema: bool) -> CatalogTable<()> {
        let (schema, name) = (schema.to_owned(), name.to_owned());
        CatalogTable { schema, name, is_in_default_schema, extra: () }
    }

    #[test]
    fn a_table_of_the_default_schema_is_found_before_one_with_the_same_qualified_name() {
        let tables = [table("shop", "users", false), table("public", "shop.users", true)];
        assert_eq!(CatalogTable::find(&tables, "shop.users").unwrap().schema, "public");
        assert!(CatalogTable::find(&tables, "users").is_none());
        assert_eq!(CatalogTable::names(&tables), ["shop.users", "shop.users"]);
    }
}
