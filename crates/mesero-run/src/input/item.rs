//! Items of the input, and entries that are not items.

use std::fmt;

use mesero_target::item::ItemInput;

/// An item with its position and its identity.
#[derive(Debug)]
pub(crate) struct Item {
    /// The position in the input, from 0.
    pub(crate) index: u64,
    /// The item's id field, or a hash of target and item: equal in every run, independent of the position.
    pub(crate) id: String,
    pub(crate) input: ItemInput,
}

/// An entry of the input: an item, or the reason why there is none.
pub(crate) type EntryResult = Result<InputEntry, BadInput>;

/// The value of an item, with the line that contains it.
#[derive(Debug)]
pub(crate) struct InputEntry {
    /// The line number, from 1; none if the source has no lines.
    pub(crate) line: Option<u64>,
    pub(crate) input: ItemInput,
}

/// An entry that is not an item.
#[derive(Debug)]
pub(crate) struct BadInput {
    /// The line number, from 1; none if the source has no lines.
    pub(crate) line: Option<u64>,
    /// The unchanged text of the entry.
    pub(crate) text: String,
    pub(crate) why: String,
    pub(crate) scope: BadInputScope,
}

/// The part of the input that is unusable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadInputScope {
    /// Only this entry.
    Item,
    /// All of the rest: no further entry can be read.
    RestOfInput,
}

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.why),
            None => f.write_str(&self.why),
        }
    }
}
