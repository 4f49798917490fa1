//! Placeholders of a command.

use std::ops::Range;

/// A place of a command that an argument is put into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placeholder {
    pub(crate) name: String,
    pub(crate) span: Range<usize>,
}
