//! A table as the catalog describes it.

/// What the catalogue says of the table; `open` has made sure that all names exist, that the key is
/// unique and that the statements can be made.
#[derive(Debug, Clone)]
pub(crate) struct PasswordTable {
    /// As a person writes it in this dialect, for messages; without quotes around it.
    pub(crate) name: String,
    pub(crate) key: Vec<TableColumn>,
    /// Where the plaintext is.
    pub(crate) column: TableColumn,
    /// Where hashes go, if elsewhere.
    pub(crate) into: Option<TableColumn>,
    /// How many rows there are, at least roughly, for progress.
    pub(crate) rows: u64,
    /// What a person should know before the first write: triggers, replicas, statement logs, space.
    pub(crate) advisories: Vec<Advisory>,
}

impl PasswordTable {
    /// The column of the hashes.
    pub(crate) fn target(&self) -> &TableColumn {
        self.into.as_ref().unwrap_or(&self.column)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct TableColumn {
    pub(crate) name: String,
    /// The type as the catalogue spells it.
    pub(crate) type_name: String,
    /// How many characters, or bytes where the type counts those, it can hold, if that is bounded.
    pub(crate) width: Option<u64>,
    pub(crate) nullable: bool,
}

/// Something found before the first write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Advisory {
    pub(crate) severity: Severity,
    /// A whole sentence without its full stop, which says what to do.
    pub(crate) text: String,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Good to know.
    Info,
    /// It goes on, but a person should look.
    Warning,
    /// Nothing is written until that is changed.
    Blocker,
}
