//! A table as the catalog describes it.

/// What the catalogue says of the table; `open` has made sure that all names exist, that the key is
/// unique and that the statements can be made.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// As a person writes it in this dialect, for messages; without quotes around it.
    pub(crate) name: String,
    pub(crate) key: Vec<Column>,
    /// Where the plaintext is.
    pub(crate) column: Column,
    /// Where hashes go, if elsewhere.
    pub(crate) into: Option<Column>,
    /// How many rows there are, at least roughly, for progress.
    pub(crate) rows: u64,
    /// What a person should know before the first write: triggers, replicas, statement logs, space.
    pub(crate) notes: Vec<Note>,
}

impl Table {
    /// The column of the hashes.
    pub(crate) fn target(&self) -> &Column {
        self.into.as_ref().unwrap_or(&self.column)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The type as the catalogue spells it.
    pub(crate) type_name: String,
    /// How many characters, or bytes where the type counts those, it can hold, if that is bounded.
    pub(crate) width: Option<u64>,
    pub(crate) nullable: bool,
}

/// Something found before the first write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) weight: Weight,
    /// A whole sentence without its full stop, which says what to do.
    pub(crate) text: String,
}

impl Note {
    pub(crate) fn fact(text: impl Into<String>) -> Self {
        Self { weight: Weight::Fact, text: text.into() }
    }

    pub(crate) fn warning(text: impl Into<String>) -> Self {
        Self { weight: Weight::Warning, text: text.into() }
    }

    pub(crate) fn stop(text: impl Into<String>) -> Self {
        Self { weight: Weight::Stop, text: text.into() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Good to know.
    Fact,
    /// It goes on, but a person should look.
    Warning,
    /// Nothing is written until that is changed.
    Stop,
}
