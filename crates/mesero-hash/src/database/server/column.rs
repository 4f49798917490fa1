//! Columns in the catalog of a server.

use crate::database::error::DatabaseError;
use crate::database::location::TableSelection;
use crate::database::server::lookup::{self, NameCase, UniqueKeys};
use crate::database::table::TableColumn;
use crate::rows::row::ValueForm;

/// A column as the catalog describes it; `Extra` is what only one dialect knows about it.
#[derive(Debug, Clone)]
pub(crate) struct CatalogColumn<Extra> {
    pub(crate) name: String,
    /// The type with its length and modifiers.
    pub(crate) type_name: String,
    /// The type without them.
    pub(crate) base: String,
    /// Form of a password in this column; `None` for a type that cannot contain one.
    pub(crate) form: Option<ValueForm>,
    pub(crate) width: Option<u64>,
    pub(crate) nullable: bool,
    pub(crate) extra: Extra,
}

impl<Extra> CatalogColumn<Extra> {
    /// The column as reports name it.
    pub(crate) fn summary(&self) -> TableColumn {
        TableColumn {
            name: self.name.clone(),
            type_name: self.type_name.clone(),
            width: self.width,
            nullable: self.nullable,
        }
    }
}

/// All columns of one table.
#[derive(Debug)]
pub(crate) struct CatalogColumns<Extra> {
    pub(crate) all: Vec<CatalogColumn<Extra>>,
    names: Vec<String>,
    /// The table, for messages.
    table: String,
    case: NameCase,
}

impl<Extra: Clone> CatalogColumns<Extra> {
    pub(crate) fn new(all: Vec<CatalogColumn<Extra>>, table: &str, case: NameCase) -> Self {
        let names = all.iter().map(|column| column.name.clone()).collect();
        Self { all, names, table: table.to_owned(), case }
    }

    /// Finds a column by its name.
    ///
    /// # Errors
    /// If there is none; the message has the nearest name.
    pub(crate) fn find(&self, name: &str) -> Result<CatalogColumn<Extra>, DatabaseError> {
        let table = &self.table;
        let name = lookup::column(name, &self.names, table, self.case)?;
        let found = self.all.iter().find(|column| column.name == name);
        found
            .cloned()
            .ok_or_else(|| DatabaseError::usage(format!("find the column `{name}` in {table}")))
    }

    /// Finds the selected key among the unique ones.
    ///
    /// # Errors
    /// If there is no such key, or a write would change it.
    pub(crate) fn key(
        &self,
        selection: &TableSelection,
        known: &UniqueKeys,
        written: &[&str],
    ) -> Result<Vec<CatalogColumn<Extra>>, DatabaseError> {
        let selected = selection.key.iter().map(|name| Ok(self.find(name)?.name));
        let selected = selected.collect::<Result<Vec<_>, DatabaseError>>()?;
        let key = known.choose(&selected, &self.table)?;
        lookup::check_key_is_not_written(&key, written, &self.table)?;
        key.iter().map(|name| self.find(name)).collect()
    }
}
