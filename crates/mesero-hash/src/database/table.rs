//! A table as the catalog describes it.

/// The selected table. `open` guarantees that all names exist, that the key is unique and that the
/// statements can be built.
#[derive(Debug, Clone)]
pub(crate) struct PasswordTable {
    /// The name as people write it in this dialect, for messages; without quotes around it.
    pub(crate) name: String,
    pub(crate) key: Vec<TableColumn>,
    /// Column of the plaintext.
    pub(crate) column: TableColumn,
    /// Another column for the hashes.
    pub(crate) into: Option<TableColumn>,
    /// Approximate number of rows, for the progress bar.
    pub(crate) rows: u64,
    /// Facts that the operator should know before the first write: triggers, replicas, statement
    /// logs, disk space.
    pub(crate) advisories: Vec<Advisory>,
}

impl PasswordTable {
    /// Column of the hashes.
    pub(crate) fn target(&self) -> &TableColumn {
        self.into.as_ref().unwrap_or(&self.column)
    }
}

/// A column as reports name it.
#[derive(Debug, Clone)]
pub(crate) struct TableColumn {
    pub(crate) name: String,
    /// The type as the catalog spells it.
    pub(crate) type_name: String,
    /// Maximum of characters, or of bytes where the type counts those; `None` if unlimited.
    pub(crate) width: Option<u64>,
    pub(crate) nullable: bool,
}

/// A fact that the operator should know before the first write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Advisory {
    pub(crate) severity: Severity,
    /// A sentence without a full stop, with what to do about it.
    pub(crate) text: String,
}

/// Consequence of an advisory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Needs no action.
    Info,
    /// The run continues, but the operator should check it.
    Warning,
    /// Nothing is written until it is changed.
    Blocker,
}

impl Advisory {
    pub(crate) fn info(text: impl Into<String>) -> Self {
        Self { severity: Severity::Info, text: text.into() }
    }

    pub(crate) fn warning(text: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, text: text.into() }
    }

    pub(crate) fn blocker(text: impl Into<String>) -> Self {
        Self { severity: Severity::Blocker, text: text.into() }
    }
}
