//! Old values that may remain after a run.

/// A place that contained old values, or may still contain them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Residue {
    /// The database confirmed the removal.
    pub(crate) is_removed: bool,
    /// A sentence without a full stop: what was done, or what the operator has to do.
    pub(crate) text: String,
}

impl Residue {
    pub(crate) fn removed(text: impl Into<String>) -> Self {
        Self { is_removed: true, text: text.into() }
    }

    pub(crate) fn remaining(text: impl Into<String>) -> Self {
        Self { is_removed: false, text: text.into() }
    }
}
